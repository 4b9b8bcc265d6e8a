"""The demo's world: which fake orders there are, remembered in the data directory, and the settings that point there.

A data directory holds either a demo or real orders: `demo` refuses one that has real ones, and `run` one that has the
demo's. Belongs here: that record and those settings. Does not belong here: running anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from order_pipeline.sandbox import kibo, kibo_orders
from order_pipeline.sandbox.clock import DEFAULT_TODAY
from order_pipeline.sandbox.process import SandboxProcess
from order_pipeline.settings import Settings
from order_pipeline.sources.records import Window

WORLD_NAME = "demo_world.json"
STATE_DIRECTORY = "sandbox"
UNLIMITED: dict[str, Any] = {"requests_per_second": None, "max_in_flight": 8}

Groups = dict[str, dict[str, Any]]


class DemoWorld(msgspec.Struct, frozen=True):
    """What the fakes' data depends on: the same world gives the same orders, byte for byte."""

    days: int
    orders: int
    seed: int
    today: date = DEFAULT_TODAY

    @property
    def window(self) -> Window:
        """The days that have orders; the sandbox's today has none yet."""
        return Window(start=self.today - timedelta(days=self.days), end=self.today)


def remembered_world(data_dir: Path) -> DemoWorld | None:
    """The world that this data directory was filled from, or None if it holds no demo."""
    path = data_dir / WORLD_NAME
    return msgspec.json.decode(path.read_bytes(), type=DemoWorld) if path.exists() else None


def remember_world(data_dir: Path, world: DemoWorld) -> None:
    """Write the world down, before the first of its orders is stored."""
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / WORLD_NAME).write_bytes(msgspec.json.format(msgspec.json.encode(world)))


@contextmanager
def running_sandbox(world: DemoWorld, data_dir: Path, port: int = 0) -> Iterator[RunningSandbox]:
    """The fakes of this world in a process of their own; what the picking app accepted is kept in the data directory.

    Raises:
        RuntimeError: the process did not start.
    """
    with SandboxProcess(
        seed=world.seed,
        orders=world.orders,
        days=world.days,
        today=world.today.isoformat(),
        port=port,
        state_directory=str((data_dir / STATE_DIRECTORY).resolve()),
    ) as process:
        yield RunningSandbox(process.url)


class RunningSandbox:
    """What the demo asks of the fakes, besides their APIs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def settings_groups(self, world: DemoWorld) -> Groups:
        """The settings, by group, that point every API at the sandbox: no host stays a live one."""
        token = httpx.post(f"{self.url}/control/scanorders/token", timeout=30).raise_for_status().json()["access_token"]
        return {
            "kibo": {
                "enabled": True,
                "base_url": f"{self.url}/kibo/api/v2",
                "token_url": f"{self.url}/kibo/oauthserver/oauth2/token",
                "api_key": kibo.API_KEY,
                "api_secret": kibo.API_SECRET,
                "manufacturer_ids": [str(number) for number in kibo_orders.MANUFACTURERS],
                "extra_headers": {},
                "rate": UNLIMITED,
            },
            "scansource": {"enabled": False},
            "skroutz": {"enabled": False},
            "scanorders": {
                "base_url": f"{self.url}/scanorders",
                "branch": "",
                "access_token": token,
                "send": True,
                "allowed_order_numbers": None,
                "rate": UNLIMITED,
            },
            "schedule": {"first_day": world.window.start.isoformat()},
        }

    def accepted_payloads(self) -> list[dict[str, Any]]:
        """The parameters of every `neworders` call that the fake ever accepted, in order: its own count."""
        ledger = httpx.get(f"{self.url}/control/ledger/scanorders", timeout=60).raise_for_status().json()
        return [fulfilment["values"] for fulfilment in ledger["fulfilments"]]


def overridden(settings: Settings, groups: Mapping[str, Mapping[str, Any]]) -> Settings:
    """The settings with some fields of some groups replaced, validated again."""
    values = settings.model_dump()
    for group, fields in groups.items():
        values[group] |= fields
    return Settings.model_validate(values)


def as_environment(groups: Mapping[str, Mapping[str, Any]], data_dir: Path) -> dict[str, str]:
    """This process's environment for a child that shall load these settings: they win over what is set there."""
    prefix = "ORDER_PIPELINE_"
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not any(name.upper().startswith(f"{prefix}{group.upper()}") for group in groups)
    }
    stated = {f"{prefix}{group.upper()}": json.dumps(fields) for group, fields in groups.items()}
    return {**inherited, **stated, f"{prefix}DATA_DIR": str(data_dir.resolve())}
