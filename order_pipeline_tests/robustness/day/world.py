"""An installation for a simulated day: the fakes, the settings that lead to them, the clock, and all processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from order_pipeline.channels import registry
from order_pipeline.cli.demo_sandbox import WEBHOOK_TOKEN, RunningSandbox
from order_pipeline.cli.demo_world import DemoWorld, Groups, as_environment, overridden
from order_pipeline.destinations.scanorders_token import StoredToken, save_token
from order_pipeline.orchestration.instance import CONFIGURATION_NAME, prepare_dagster_home
from order_pipeline.sandbox.process import SandboxProcess
from order_pipeline.settings import Settings
from order_pipeline_tests.demo_locations import with_demo_locations
from order_pipeline_tests.robustness.day.clock import SimulatedClock
from order_pipeline_tests.robustness.day.kills import Fault
from order_pipeline_tests.robustness.day.processes import (
    AlertInbox,
    DaemonProcess,
    receiving_alerts,
    running_receiver,
)
from order_pipeline_tests.shared_demo import PROJECT

BEGINNING = datetime(2036, 1, 15, tzinfo=UTC)
"""The simulated day; the day before it has orders, too. Far ahead: the simulated clock is never behind the real one."""

OWN_LAUNCHER = ("module: order_pipeline.orchestration.launcher", "class: WatchfulRunLauncher")
QUICK_LAUNCHER = ("module: order_pipeline_tests.robustness.day.launcher", "class: RunsInTheDaemon")
FAST = {"requests_per_second": None, "attempts": 4, "backoff_cap_seconds": 0.3, "read_timeout_seconds": 2.0}
"""A client's pace and patience towards a fake: the same decisions as with the defaults, in less time."""


class Fakes:
    """What the day asks of the fakes' control area."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sandbox = RunningSandbox(url)
        self._client = httpx.Client(base_url=url, timeout=120, trust_env=False)

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        """One call of `/control`; its answer."""
        return self._client.request(method, f"/control{path}", json=content).raise_for_status().json()

    def set_faults(self, faults: list[Fault]) -> None:
        """These faults and no others; calls that a stall held up go on."""
        self.ask("DELETE", "/faults")
        if faults:
            self.ask("POST", "/faults", faults)

    def is_stalled(self) -> bool:
        """Whether a call has reached the stall of a kill."""
        return any(fault["hits"] and fault["seconds"] >= 600 for fault in self.ask("GET", "/faults"))

    def orders(self) -> dict[str, list[str]]:
        """The ids of all orders of each channel."""
        known = {name: self.ask("GET", f"/ledger/{name}")["order_ids"] for name in ("kibo", "scansource")}
        return {**known, "skroutz": self.ask("GET", "/skroutz/codes")["codes"]}


@dataclass
class World:
    """One installation and everything around it."""

    fakes: Fakes
    settings: Settings
    environment: dict[str, str]
    clock: SimulatedClock
    daemon: DaemonProcess
    alerts: AlertInbox
    _business: datetime = BEGINNING

    def go_to(self, moment: datetime, *, shops_closed: bool = False) -> None:
        """Both clocks, that of the processes and that of the fakes, show this time; that of closed shops stands."""
        self.clock.jump_to(moment)
        if moment > self._business and not shops_closed:
            self.fakes.ask("POST", "/advance", {"seconds": (moment - self._business).total_seconds()})
            self._business = moment

    def deliver_webhooks(self, **delivery: Any) -> None:
        """Skroutz sends what is due."""
        webhooks = self.settings.webhooks
        url = f"http://{webhooks.host}:{webhooks.port}/webhooks/skroutz/{WEBHOOK_TOKEN}"
        self.fakes.ask("POST", "/skroutz/webhooks", {"url": url, **delivery})

    def log_in(self) -> None:
        """What a person does: a token of the floor, stored as the login stores it."""
        token = self.fakes.ask("POST", "/scanorders/token")["access_token"]
        save_token(self.settings, StoredToken(access_token=token, obtained_at=self.clock.now()))

    def lose_login(self) -> None:
        """The floor takes no token any more."""
        self.fakes.ask("POST", "/tokens/scanorders/revoke")

    def look_from_outside(self) -> None:
        """`order-pipeline alerts look`, as a timer of the system runs it."""
        command = [sys.executable, "-m", "order_pipeline", "alerts", "look"]
        subprocess.run(command, cwd=PROJECT, env=self.environment, check=True, capture_output=True)


@contextmanager
def world_in(directory: Path, *, orders: int, seed: int) -> Iterator[World]:
    """A new installation in the directory; the daemon is not started yet.

    Args:
        directory: empty; the stores, the clock and the logs of the processes.
        orders: a day in each channel.
        seed: of the fakes' data.
    """
    world = DemoWorld(days=1, orders=orders, seed=seed, port=0, today=BEGINNING.date())
    clock = SimulatedClock(directory)
    clock.jump_to(BEGINNING)
    with ExitStack() as stack:
        arguments = {"seed": seed, "orders": orders, "days": world.days, "today": world.today.isoformat()}
        fakes = Fakes(stack.enter_context(SandboxProcess(**arguments)).url)
        alerts = stack.enter_context(receiving_alerts(clock.now))
        data_dir = with_demo_locations(directory / "data")
        groups = _groups(fakes, world, alerts)
        settings = overridden(Settings(data_dir=data_dir, witness_dir=str(directory / "witness")), groups)
        environment = as_environment(groups, data_dir) | clock.environment
        environment |= {"ORDER_PIPELINE_WITNESS_DIR": str(directory / "witness"), "PYTHONPATH": str(PROJECT)}
        environment["DAGSTER_HOME"] = str(_dagster_home(settings))
        daemon = DaemonProcess(environment, directory / "daemon.log")
        stack.callback(daemon.kill)
        receiver = f"http://{settings.webhooks.host}:{settings.webhooks.port}"
        stack.enter_context(running_receiver(environment, receiver, directory / "receiver.log"))
        there = World(fakes, settings, environment, clock, daemon, alerts)
        there.log_in()
        yield there


def _groups(fakes: Fakes, world: DemoWorld, alerts: AlertInbox) -> Groups:
    groups = fakes.sandbox.settings_groups(world)
    del groups["scanorders"]["access_token"]
    for name in (*registry.NAMES, "scanorders"):
        groups[name]["rate"] = {**FAST, "max_in_flight": 2 if name == "scanorders" else 8}
    groups["schedule"] |= {"active": True}
    groups["alerts"] = {"webhook_url": alerts.url}
    return groups


def _dagster_home(settings: Settings) -> Path:
    """The project's own home, whose runs are executed by the daemon itself."""
    with patch.dict(os.environ):
        os.environ.pop("DAGSTER_HOME", None)
        home = prepare_dagster_home(settings)
    configuration = home / CONFIGURATION_NAME
    text = configuration.read_text()
    for own, quick in zip(OWN_LAUNCHER, QUICK_LAUNCHER, strict=True):
        assert own in text
        text = text.replace(own, quick)
    configuration.write_text(text)
    return home
