"""The demo's world: which fake orders there are, remembered in the data directory, and settings for child processes.

A data directory holds either a demo or real orders: `demo` refuses one that has real ones, and sends to its own fakes
only.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from order_pipeline.channels.base import Window
from order_pipeline.private_files import write_durably
from order_pipeline.settings import Settings

SANDBOX_TODAY = date(2026, 1, 15)
OLDEST_LIVING = timedelta(days=30)

TABLES = ("floors",)
"""Settings that are no groups but tables of groups: another one replaces the whole of it."""

Groups = dict[str, dict[str, Any]]
"""Settings by group, as far as they differ."""


class DemoWorld(msgspec.Struct, frozen=True):
    """What the fakes' data depends on: the same world gives the same orders, byte for byte.

    The port belongs to it: some payloads hold their host's address, and another address would be another content.
    """

    days: int
    orders: int
    seed: int
    port: int
    today: date = SANDBOX_TODAY
    lives: bool = False
    """Its clock goes with the real one: since the UI was opened on it, orders appear and change."""
    outside_stores: bool = False
    """It was begun on stores that settings name, which bear the mark of a demo since."""

    @property
    def window(self) -> Window:
        """The days that have orders; the sandbox's today has none yet."""
        return Window(start=self.today - timedelta(days=self.days), end=self.today)

    def brought_to_life(self, now: datetime) -> DemoWorld:
        """The same with a clock that goes on; an old world stays as it is, its fakes would draw orders for months."""
        return self if now.date() - self.today > OLDEST_LIVING else msgspec.structs.replace(self, lives=True)

    def is_the_same_as(self, days: int, orders: int, seed: int) -> bool:
        """Whether it is the world that these options ask for."""
        return (self.days, self.orders, self.seed) == (days, orders, seed)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def remembered_world(settings: Settings) -> DemoWorld | None:
    """The world that this data directory was filled from, or None if it holds no demo."""
    path = settings.demo_world_file
    return msgspec.json.decode(path.read_bytes(), type=DemoWorld) if path.exists() else None


def remember_world(settings: Settings, world: DemoWorld) -> None:
    """Write the world down, before the first of its orders is stored."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    write_durably(settings.demo_world_file, msgspec.json.format(msgspec.json.encode(world)))


def overridden(settings: Settings, groups: Mapping[str, Mapping[str, Any]]) -> Settings:
    """The settings with some fields of some groups replaced, validated again."""
    values = settings.model_dump()
    for group, fields in groups.items():
        values[group] = {**({} if group in TABLES else values[group]), **fields}
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
