"""The sandbox as `demo` and `ui` use it: a process on the world's own port, and the settings that lead there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from order_pipeline.channels import registry
from order_pipeline.cli.demo_world import DemoWorld, Groups, free_port, overridden, remembered_world
from order_pipeline.floors import MAIN
from order_pipeline.redaction.texts import redact_message
from order_pipeline.sandbox.process import SandboxProcess
from order_pipeline.settings import Settings
from order_pipeline.webhooks.server import build_server

STATE_DIRECTORY = "sandbox"
LOOPBACK = "127.0.0.1"
WEBHOOK_TOKEN = "the-demo-receives-on-loopback-only"  # noqa: S105  (opens nothing but the demo's own receiver, on loopback)
LONG_SECONDS = 300.0


class SandboxPortTakenError(RuntimeError):
    """Something else answers, or listens, on the port that this demo's payloads name."""


class RunningSandbox:
    """What the demo asks of the fakes, besides their APIs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def settings_groups(self, world: DemoWorld) -> Groups:
        """Settings by group that lead every channel and the floor to the fakes, and webhooks to a port of this host."""
        groups = self._ask("POST", "/control/connections")
        return {
            **groups,
            **{name: {**groups[name], "floor": MAIN} for name in registry.NAMES if name in groups},
            "floors": {},
            "webhooks": {
                "host": LOOPBACK,
                "port": free_port(),
                "secret_path_token": WEBHOOK_TOKEN,
                "allowed_sources": [],
                "trusted_proxies": [],
            },
            # All channels, so that the demo shows the picks of each. Live, a channel whose goods lie elsewhere is off.
            "picking": dict.fromkeys(registry.NAMES, True),
            "schedule": {"first_day": world.window.start.isoformat()},
        }

    def deliver_webhooks(self, settings: Settings) -> int:
        """Let every fake that has webhooks send them over HTTP to our receiver; how many were delivered."""
        address = f"http://{settings.webhooks.host}:{settings.webhooks.port}/webhooks"
        with running_receiver(settings):
            sent = [
                self._ask("POST", f"/control/{name}/webhooks", {"url": f"{address}/{name}/{WEBHOOK_TOKEN}"})
                for name in self._ask("GET", "/control/")["send_webhooks"]
            ]
        return sum(each["delivered"] for each in sent)

    def accepted_payloads(self) -> list[dict[str, Any]]:
        """The parameters of every `neworders` call that the fake ever accepted, in order: its own count."""
        return [fulfilment["values"] for fulfilment in self._ask("GET", "/control/ledger/scanorders")["fulfilments"]]

    def _ask(self, method: str, path: str, content: Any = None) -> dict[str, Any]:
        answer = httpx.request(method, f"{self.url}{path}", json=content, timeout=LONG_SECONDS, trust_env=False)
        return answer.raise_for_status().json()


@contextmanager
def running_sandbox(world: DemoWorld, data_dir: Path) -> Iterator[RunningSandbox]:
    """The fakes of this world: those that run already, else a process of our own that ends with the block.

    What the picking app accepted is kept in the data directory, as the real one would keep it.

    Raises:
        SandboxPortTakenError: the world's port serves something else.
    """
    url = f"http://{LOOPBACK}:{world.port}"
    if _serves(url, world):
        yield RunningSandbox(url)
        return
    process = SandboxProcess(
        seed=world.seed,
        orders=world.orders,
        by_share=True,
        days=world.days,
        today=world.today.isoformat(),
        real_time=world.lives,
        port=world.port,
        state_directory=str((data_dir / STATE_DIRECTORY).resolve()),
    )
    try:
        process.__enter__()
    except RuntimeError as error:
        message = f"The fakes could not start on port {world.port}: {redact_message(str(error))}"
        raise SandboxPortTakenError(message) from error
    try:
        yield RunningSandbox(process.url)
    finally:
        process.__exit__(None, None, None)


def as_filled(settings: Settings) -> Settings:
    """The settings by which the data directory was filled: a demo's own, which its fakes tell, where it holds one."""
    world = remembered_world(settings)
    if world is None:
        return settings
    with running_sandbox(world, settings.data_dir) as sandbox:
        return overridden(settings, sandbox.settings_groups(world))


def _serves(url: str, world: DemoWorld) -> bool:
    """Whether a sandbox of this very world answers there."""
    try:
        there = httpx.get(f"{url}/control/", timeout=2, trust_env=False).raise_for_status().json()
        return (there["seed"], there["orders_per_day"], there["days"]) == (world.seed, world.orders, world.days)
    except (httpx.HTTPError, ValueError, KeyError):
        return False


@contextmanager
def running_receiver(settings: Settings) -> Iterator[None]:
    """Our webhook receiver in a thread, until the end of the block."""
    server = build_server(settings)
    thread = threading.Thread(target=server.run, name="webhooks", daemon=True)
    thread.start()
    address = f"http://{settings.webhooks.host}:{settings.webhooks.port}/ready"
    # Connections are tried again with growing waits until it listens.
    transport = httpx.HTTPTransport(retries=20, trust_env=False)
    with httpx.Client(transport=transport, timeout=30, trust_env=False) as client:
        client.get(address).raise_for_status()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
