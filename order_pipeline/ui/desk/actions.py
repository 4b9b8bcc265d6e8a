"""What a person does from the desk: the functions that the command line calls, with who and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, Field

from order_pipeline.operations.store import OperationsStore, open_store
from order_pipeline.picking.operators.resolve import close_task, confirm, resolve, withdraw
from order_pipeline.picking.operators.views import UnknownPickError
from order_pipeline.picking.outbox.states import ForbiddenTransitionError
from order_pipeline.recovery.stores import require_agreement
from order_pipeline.redaction.errors import shown_text
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.quarantine import close_rejects
from order_pipeline.warehouse.lake.connection import Lake

ActionName = Literal["sent", "not_sent", "withdraw", "confirm", "close_task", "close_reject"]
_LONGEST = 2000


class ActionRefusedError(Exception):
    """Nothing was changed; the message says why."""


class Action(BaseModel, extra="forbid", str_strip_whitespace=True):
    """One word of a person.

    Attributes:
        action: what is said.
        subject: about what: a pick id, a task's number, a reject's key.
        reason: why, or what was seen.
        who: who says so.
        source: of a reject: its channel.
    """

    action: ActionName
    subject: str = Field(min_length=1, max_length=_LONGEST)
    reason: str = Field(min_length=1, max_length=_LONGEST)
    who: str = Field(min_length=1, max_length=200)
    source: str | None = None


def carry_out(settings: Settings, asked: Action) -> str:
    """Store the word; what was done, for the person.

    Raises:
        ActionRefusedError: there is no such subject, or its state does not allow it. Nothing was changed.
    """
    if asked.action == "close_reject":
        return _close_reject(settings, asked)
    with open_store(settings.resolved_operations_url) as store:
        try:
            return _WORDS[asked.action](store, asked)
        except (UnknownPickError, ForbiddenTransitionError, ValueError) as error:
            raise ActionRefusedError(shown_text(error)) from error


def _close_reject(settings: Settings, asked: Action) -> str:
    require_agreement(settings)
    closed = close_rejects(Lake(settings), asked.subject, f"{asked.reason} ({asked.who})", asked.source)
    if not closed:
        raise ActionRefusedError(f"No open reject has the key {asked.subject!r}; nothing was changed.")
    return f"closed {closed} reject{'s' if closed > 1 else ''} of {asked.subject}"


def _resolve_sent(store: OperationsStore, asked: Action) -> str:
    state = resolve(store, asked.subject, "sent", reason=asked.reason, who=asked.who)
    return f"{asked.subject}: {state.value}"


def _resolve_not_sent(store: OperationsStore, asked: Action) -> str:
    state = resolve(store, asked.subject, "not_sent", reason=asked.reason, who=asked.who)
    return f"{asked.subject}: {state.value}; the next emission may send it"


def _withdraw(store: OperationsStore, asked: Action) -> str:
    return f"{asked.subject}: {withdraw(store, asked.subject, reason=asked.reason, who=asked.who).value}"


def _confirm(store: OperationsStore, asked: Action) -> str:
    return f"{asked.subject}: {confirm(store, asked.subject, reason=asked.reason, who=asked.who).value}"


def _close_task(store: OperationsStore, asked: Action) -> str:
    if not asked.subject.isdecimal():
        raise ActionRefusedError(f"{asked.subject!r} is no task's number; nothing was changed.")
    close_task(store, int(asked.subject), reason=asked.reason, who=asked.who)
    return f"task {asked.subject}: closed"


_WORDS: dict[str, Callable[[OperationsStore, Action], str]] = {
    "sent": _resolve_sent,
    "not_sent": _resolve_not_sent,
    "withdraw": _withdraw,
    "confirm": _confirm,
    "close_task": _close_task,
}
