"""What every fake channel offers to the server and to the control area, and the world all channels share.

A fake is one folder; its `fake.py` has a subclass of `Channel`, registered in `sandbox/registry.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from order_pipeline.sandbox.shared.clock import SandboxClock
from order_pipeline.sandbox.shared.faults import FaultBook

UNLIMITED: Mapping[str, Any] = {"requests_per_second": None, "max_in_flight": 8}
"""A client's rate settings towards a fake that refuses nobody."""


class SwitchError(ValueError):
    """A switch that the channel does not have; the text lists those it has."""


@dataclass(frozen=True, slots=True)
class World:
    """What the channels share: one seed, one clock, one span of days, one volume (orders a day and channel).

    `state_directory` holds what a channel must remember across restarts; None: nothing outlives the process.
    """

    seed: int
    orders_per_day: int
    days: int
    clock: SandboxClock
    faults: FaultBook
    state_directory: Path | None = None

    def journal(self, name: str) -> Path | None:
        """The file of one journal, or None when nothing is to be remembered."""
        return None if self.state_directory is None else self.state_directory / f"{name}.jsonl"

    @property
    def first_day(self) -> date:
        """The first day that has orders; the last complete one is the day before the clock's start."""
        return self.clock.start.date() - timedelta(days=self.days)


class Channel:
    """Base of a fake: subclasses set `name`, `switches_type` and `app`, and answer for their state.

    `switches_type` is a frozen dataclass. `identifier` matches path segments that are ids; call counts show them as
    `{id}`. `control_routes` are served below `/control/<name>`. The busiest channel has `orders_divisor` times a
    channel's orders. A fake that `sends_webhooks` has the control route `POST /webhooks` with `{"url": ...}`.
    """

    name: ClassVar[str]
    switches_type: ClassVar[type]
    identifier: ClassVar[re.Pattern[str]] = re.compile(r"\d[\d-]*")
    app: ASGIApp
    control_routes: Sequence[BaseRoute] = ()
    orders_divisor: ClassVar[int] = 5
    sends_webhooks: ClassVar[bool] = False

    def __init__(self, world: World, switches: Any) -> None:
        self.world = world
        self.switches = switches
        self._switches_at_start = switches

    @classmethod
    def build(cls, world: World, switches: Mapping[str, Any]) -> Self:
        """The fake with the switches that differ from their defaults.

        Raises:
            SwitchError: for a name that is no switch of this channel.
        """
        check_switch_names(cls.name, cls.switches_type, switches)
        return cls(world, cls.switches_type(**switches))

    @classmethod
    def share_of(cls, orders: int) -> int:
        """The channel's orders a day where the busiest one has `orders`; about ten at least, for something to see."""
        return max(orders // cls.orders_divisor, min(orders, 10))

    def configure(self, **changes: Any) -> None:
        """Turn switches while the fake runs.

        Raises:
            SwitchError: for a name that is no switch of this channel.
        """
        check_switch_names(self.name, self.switches_type, changes)
        self.switches = replace(self.switches, **changes)

    def revoke_tokens(self) -> None:
        """Make every token issued so far worthless."""

    def reset(self) -> None:
        """Back to the start: seeded data, ledger empty, switches as built. Extend it; tokens may stay valid."""
        self.switches = self._switches_at_start

    def connection(self, url: str) -> dict[str, Any]:
        """The pipeline's settings of this channel, so that it reads from `url` and from no live host."""
        raise NotImplementedError

    def ledger(self) -> dict[str, Any]:
        """What the channel accepted, as JSON: the proof that nothing was lost and nothing came twice."""
        return {}


def check_switch_names(channel: str, switches: type, changes: Mapping[str, Any]) -> None:
    """Refuse names that are no fields of the dataclass `switches`.

    Raises:
        SwitchError: listing the switches there are.
    """
    known = [field.name for field in fields(switches)]
    unknown = sorted(set(changes) - set(known))
    if unknown:
        raise SwitchError(f"{channel} has no switch {', '.join(unknown)}; it has {', '.join(known)}")
