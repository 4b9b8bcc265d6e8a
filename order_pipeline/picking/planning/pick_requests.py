"""The types that planning passes around: what the marts ask for, and the plan that answers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from order_pipeline.floors import MAIN
from order_pipeline.picking.outbox.store import Observation, Transition
from order_pipeline.picking.outbox.tasks import Closing, Task
from order_pipeline.picking.planning.pick_lines import PickLine

Reason: TypeAlias = tuple[str, str]
"""Why a line cannot go: a short code, and the detail for a person."""


@dataclass(frozen=True, slots=True)
class PickRequest:
    """A line of the mart with the payload that it would have, and why it cannot go, if so."""

    line: PickLine
    payload: str
    sha256: str
    block: Reason | None

    @property
    def floor(self) -> str:
        """Whose account is to get it."""
        return self.line.floor or MAIN


@dataclass(slots=True)
class Plan:
    """What planning decided; storing it is one transaction."""

    new_lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    transitions: list[Transition] = field(default_factory=list[Transition])
    observations: list[Observation] = field(default_factory=list[Observation])
    tasks: list[Task] = field(default_factory=list[Task])
    closings: list[Closing] = field(default_factory=list[Closing])
