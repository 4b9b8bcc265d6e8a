"""From the webhook inbox to raw: every event that waits, in order of arrival, exactly once.

An event stays pending until `confirm` is called, which is after the lake's commit. A run that dies before that leaves
it pending, and the next one reads it again; raw, append-only by content, takes it once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import date, datetime

from order_pipeline.channels.base import CommitGroup, FetchReport, RecordBatch, SourceState, Window
from order_pipeline.channels.skroutz.observations import RESOURCE, add_observation
from order_pipeline.channels.skroutz.order_document import peek, without_codes
from order_pipeline.channels.webhook import NotJsonError
from order_pipeline.operations import inbox, inbox_bodies
from order_pipeline.operations.store import OperationsStore

CHANNEL = "skroutz"
EVENTS_A_GROUP = 500
ACCEPTED = "accepted"
"""The state in which an order is to be picked (docs/apis/skroutz.md section 15)."""


@dataclass(slots=True)
class InboxExtraction:
    """An `Extraction` of the pending events of the window's days, and of those that belong to no day.

    Args:
        store: the operations store with the inbox.
        take_all: also events of days outside the window. For a run that takes whatever waits.
        told: code -> when its latest event of this run counts, and the state it tells; filled while the run goes on.
    """

    store: OperationsStore
    take_all: bool = False
    read_ids: list[int] = field(default_factory=list[int])
    told: dict[str, tuple[datetime, str | None]] = field(default_factory=dict[str, tuple[datetime, str | None]])

    async def __call__(self, window: Window, known: SourceState) -> AsyncGenerator[CommitGroup]:
        """Yield the events, 500 a group, then a report that counts them."""
        del known
        days = (date.min, date.max) if self.take_all else (window.start, window.end)
        after_id, groups = 0, 0
        while events := inbox.pending_events(
            self.store, CHANNEL, start=days[0], end=days[1], after_id=after_id, limit=EVENTS_A_GROUP
        ):
            batch = RecordBatch(RESOURCE)
            # Those that overtook each other on the way are put right here, so that what raw saw last is mostly what is
            # true, which re-reading compares with. Nothing depends on it: the current state is chosen by time.
            for told_at, state, event in sorted(map(_told, events), key=lambda told: told[0]):
                code = add_observation(batch, event.body, event.received_at, "webhook")
                counts_at = min(told_at, event.received_at)
                if code is not None and (code not in self.told or self.told[code][0] <= counts_at):
                    self.told[code] = counts_at, state
            after_id = events[-1].event_id
            groups += 1
            yield CommitGroup(batches=[batch])
            self.read_ids += [event.event_id for event in events]
        report = _report(window, groups, len(self.read_ids))
        yield CommitGroup(reports=[report])

    def accepted(self) -> dict[str, datetime]:
        """The orders whose latest event of this run calls them accepted, and when that event counts."""
        return {code: at for code, (at, state) in self.told.items() if (state or "").strip().lower() == ACCEPTED}

    def confirm(self, run_id: str) -> int:
        """Say that everything this extraction yielded is committed to the lake; returns how many events that were.

        Their one-time codes leave the inbox with it.
        """
        inbox_bodies.clean_bodies(self.store, self.read_ids, without_codes)
        inbox.mark_landed(self.store, self.read_ids, run_id)
        confirmed = len(self.read_ids)
        self.read_ids = []
        return confirmed


def _told(event: inbox.InboxEvent) -> tuple[datetime, str | None, inbox.InboxEvent]:
    """When it happened, and the order's state, as far as it says.

    What the receiver could read, a run need not be able to (`UNREADABLE_JSON`).
    """
    try:
        seen = peek(event.body)
    except NotJsonError:
        return event.received_at, None, event
    return seen.event_time or event.received_at, seen.state, event


def _report(window: Window, groups: int, events: int) -> FetchReport:
    return FetchReport(
        RESOURCE,
        *window.moments,
        pages=groups,
        records=events,
        claimed_total=None,
        complete=True,
        note="webhook inbox: all that waited. Events that never arrived are found by re-reading, orders by their codes",
        reading="inbox",
    )
