"""What a person can ask a channel to do: functions whose parameters are the options of commands and of a job.

The command line makes a command of each function; orchestration makes one job of all actions.
Parameters are annotated with `typer.Option` or `typer.Argument`; the first line of the docstring is the help.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from order_pipeline.channels.base import Extraction
from order_pipeline.channels.settings import ChannelSettings
from order_pipeline.operations.store import OperationsStore

S_contra = TypeVar("S_contra", bound=ChannelSettings, contravariant=True)
Outcome = Literal["dry_run", "done", "already_done", "refused", "not_sent", "in_doubt"]
GOOD_OUTCOMES = frozenset[Outcome]({"dry_run", "done", "already_done"})


class RequestError(ValueError):
    """What a person asked for is not possible. The text says why, and what would be; nothing was sent."""


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What became of an action. `request` is what was, or would be, sent; `answer` is for the person to read."""

    action_id: int
    action: str
    code: str
    outcome: Outcome
    request: dict[str, Any]
    answer: str


class MakeActor(Protocol[S_contra]):
    """Makes the first argument of every action: who acts, and whether for real."""

    def __call__(self, settings: S_contra, store: OperationsStore, asked_by: str, *, dry_run: bool) -> object:
        """Raises RequestError when this person may not act."""
        ...


@dataclass(frozen=True, slots=True)
class RequestedRead:
    """Orders that a person asked for. `describe` says afterwards what was read, in one line."""

    extraction: Extraction
    describe: Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCommands(Generic[S_contra]):
    """The commands of a channel, by their names on the command line.

    Attributes:
        help: what they are for.
        actor: makes the first argument of the actions.
        actions: change an order at the channel; `act(actor, code, ...)`. They raise RequestError and ApiError.
        reads: bring orders into raw; `read(settings, ...)`. They raise RequestError.
    """

    help: str
    actor: MakeActor[S_contra]
    actions: Mapping[str, Callable[..., Coroutine[Any, Any, ActionResult]]]
    reads: Mapping[str, Callable[..., RequestedRead]] = field(default_factory=dict[str, Callable[..., RequestedRead]])
