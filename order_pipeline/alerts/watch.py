"""One look at everything: what is wrong now becomes open incidents, and the messages that wait go out.

`watch` is called every few minutes by Dagster's sensor, and by `order-pipeline alerts look`. Two calls at once are
safe: the operations store lets one of them open an incident, and one of them send a message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from order_pipeline.alerts.delivery import Delivered, deliver
from order_pipeline.alerts.kinds import Kind
from order_pipeline.alerts.messengers import Messenger
from order_pipeline.alerts.redaction import redact_incident, secret_values
from order_pipeline.operations.incidents import Changes, Incident, forget_closed, reconcile
from order_pipeline.operations.store import OperationsStore
from order_pipeline.settings import Settings

LOG = logging.getLogger("order_pipeline.alerts")


@dataclass(frozen=True, slots=True)
class Look:
    """A function that finds all incidents of its kinds, or raises when it cannot look."""

    name: str
    kinds: tuple[Kind, ...]
    find: Callable[[], Iterable[Incident]]


@dataclass(frozen=True, slots=True)
class Found:
    """What all looks saw; `unseen` are the kinds of those that failed."""

    incidents: list[Incident] = field(default_factory=list[Incident])
    unseen: set[Kind] = field(default_factory=set[Kind])


def watch(
    settings: Settings, store: OperationsStore, looks: Sequence[Look], messengers: Sequence[Messenger]
) -> tuple[Changes, Delivered]:
    """Look, remember what changed, and send what waits. A messenger that fails is tried again by the next call."""
    found = look_everywhere(looks)
    secrets = secret_values(settings)
    thresholds = settings.alerts
    changes = reconcile(
        store,
        [redact_incident(each, secrets) for each in found.incidents],
        [messenger.name for messenger in messengers],
        unseen_kinds=found.unseen,
        quiet=timedelta(minutes=thresholds.quiet_minutes),
        remind_after=timedelta(hours=thresholds.reminder_hours) if thresholds.reminder_hours else None,
    )
    forget_closed(store, timedelta(days=thresholds.keep_days))
    return changes, deliver(store, messengers, thresholds.ui_url, secrets)


def look_everywhere(looks: Sequence[Look]) -> Found:
    """All that the looks see. One that fails is an incident itself, and hides none of the others."""
    found = Found()
    for look in looks:
        try:
            found.incidents.extend(list(look.find()))  # all of its incidents or none
        except Exception as error:
            LOG.exception("the look at %s failed", look.name)
            found.unseen.update(look.kinds)
            found.incidents.append(_failed_look(look, error))
    return replace(found, incidents=without_repeats(found.incidents))


def _failed_look(look: Look, error: Exception) -> Incident:
    """Only the error's class is told: a library's text may repeat what it read."""
    return Incident(
        kind=Kind.CANNOT_LOOK,
        subject=look.name,
        message=f"The look at {look.name} failed with {type(error).__name__}, so its incidents are not seen.",
        next_step="`order-pipeline doctor` says whether the stores open; the sensor's log has the error.",
    )


def without_repeats(incidents: Sequence[Incident]) -> list[Incident]:
    """One cause, one incident: a run that failed over a red check is told by the check."""
    told = {each.run_id for each in incidents if each.kind == Kind.CHECK_RED}
    return [each for each in incidents if each.kind != Kind.RUN_FAILED or each.run_id not in told]
