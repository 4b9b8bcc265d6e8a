"""The timeline of an order: what happened when, each with the raw record that it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import Any

from order_pipeline.story.payload_places import changes, parent, parse, pointer_to
from order_pipeline.story.rows import Facts
from order_pipeline.story.words import counted, listed

_STATES = {
    "planned": "planned",
    "held": "held",
    "sending": "sent",
    "sent": "answered",
    "rejected": "refused",
    "in_doubt": "in doubt",
    "resolved_sent": "resolved",
    "resolved_not_sent": "resolved",
    "changed_after_send": "changed",
    "cancelled_after_send": "cancelled",
}
"""State that a pick line came into -> the word of the timeline."""
_MEANINGS = {
    "sent": "ScanOrders has taken {lines}",
    "resolved_sent": "a person says: {lines} on the floor",
    "resolved_not_sent": "a person says: {lines} not on the floor",
    "in_doubt": "nobody knows whether the floor has {lines}",
    "changed_after_send": "the order changed {lines} on the floor",
    "cancelled_after_send": "{lines} on the floor not wanted any more",
    "sending": "{lines} on the way to ScanOrders",
}


@dataclass(frozen=True, slots=True)
class RawPlace:
    """Where a fact stands: raw table, record, the version's SHA-256, and a JSON pointer in it (`#`: all of it)."""

    table: str
    record_id: str
    sha256: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened: when (UTC), what in one word, the rest in words, by which run, from which raw record."""

    at: datetime
    what: str
    detail: str
    run_id: str | None = None
    raw: RawPlace | None = None


class Places:
    """Finds the raw record and the pointer of facts of one order.

    Args:
        versions: the order's raw versions, with payloads.
    """

    def __init__(self, versions: Sequence[Facts]) -> None:
        self._versions = {(each["record_id"], each["content_sha256"]): each for each in versions}
        self._documents: dict[tuple[str, str], Any] = {}

    def of(self, row: Mapping[str, Any], value: str | None = None, named_like: Sequence[str] = ()) -> RawPlace | None:
        """Where the row of core came from; with a value the object that holds it, else the whole record."""
        key = (str(row["raw_record_id"]), str(row["raw_sha256"]))
        version = self._versions.get(key)
        if version is None:
            return None
        pointer = pointer_to(self.document(version), value, named_like)
        return RawPlace(str(version["resource"]), *key, f"#{pointer or ''}")

    def as_of(self, row: Mapping[str, Any], at: datetime) -> Mapping[str, Any]:
        """The row as coming from the version of its record that was the last one stored at that time."""
        stored = [
            each
            for (record_id, _), each in self._versions.items()
            if record_id == row["raw_record_id"] and _aware(each["fetched_at"]) <= at
        ]
        own = self._versions.get((str(row["raw_record_id"]), str(row["raw_sha256"])))
        alike = [each for each in stored if own is None or each["resource"] == own["resource"]]
        return {**row, "raw_sha256": alike[-1]["content_sha256"]} if alike else row

    def document(self, version: Facts) -> Any:
        """The version's payload, parsed once."""
        key = (str(version["record_id"]), str(version["content_sha256"]))
        if key not in self._documents:
            self._documents[key] = parse(version["payload"])
        return self._documents[key]


def timeline(facts: Mapping[str, Any], places: Places) -> list[Moment]:
    """Everything that happened, the oldest first. Picks of one run that fare alike are one moment."""
    moments = [
        *_webhooks(facts["webhooks"]),
        *_received(facts["raw_versions"], places),
        *_built(facts, places),
        *_rules(facts["quarantine"], places),
        *_picked(facts, places),
        *_read_back(facts["read_back"]),
        *_tasks(facts["tasks"]),
    ]
    return sorted(moments, key=lambda each: each.at)


def _webhooks(events: Sequence[Facts]) -> Iterator[Moment]:
    for event in events:
        often = "" if event["deliveries"] == 1 else f", delivered {event['deliveries']} times"
        landed = "waits for a run" if event["landed_at"] is None else f"stored by run {event['landed_run_id'][:8]}"
        yield Moment(_aware(event["received_at"]), "webhook", f"an event of the order arrived{often}; {landed}")


def _received(versions: Sequence[Facts], places: Places) -> Iterator[Moment]:
    by_record = sorted(versions, key=lambda each: (each["resource"], each["record_id"]))
    for _, group in groupby(by_record, key=lambda each: (each["resource"], each["record_id"])):
        stored = list(group)
        yield _version(stored[0], "received", "first version", places)
        for before, after in pairwise(stored):
            told = changes(places.document(before), places.document(after))
            yield _version(after, "received", "changed " + ("; ".join(told) or "nothing but the spelling"), places)


def _version(version: Facts, what: str, detail: str, places: Places) -> Moment:
    document = places.document(version)
    how = "not readable as JSON" if document is None else detail
    place = RawPlace(str(version["resource"]), str(version["record_id"]), str(version["content_sha256"]), "#")
    told = f"{how}, by run {str(version['run_id'])[:8]}"
    return Moment(_aware(version["fetched_at"]), what, told, version["run_id"], place)


def _built(facts: Mapping[str, Any], places: Places) -> Iterator[Moment]:
    for order in facts["core"].get("orders", []):
        lines, shipments = facts["core"].get("order_lines", []), facts["core"].get("shipments", [])
        status = f"status {order['order_status']} ({order['source_status']})"
        parts = [status, counted(len(lines), "line"), counted(len(shipments), "shipment")]
        place = places.of(order, order["source_status"], ("status", "state"))
        for build in facts["builds"]:
            yield Moment(_aware(build["built_at"]), "built", ", ".join(parts), build["run_id"], place)


def _rules(rejects: Sequence[Facts], places: Places) -> Iterator[Moment]:
    for row in rejects:
        told = f"{row['table_name']} {row['key']} broke {row['rule']} on {row['field']}"
        place = places.of(row, row["value"], (row["field"],))
        yield Moment(_aware(row["first_seen_at"]), "quarantined", told, None, place)
        if row["resolved_at"] is not None:
            how = "closed by a person" if row["closed_by_hand"] else "resolved: the row passes, or is gone"
            yield Moment(_aware(row["resolved_at"]), "resolved", f"{row['table_name']} {row['key']} {how}", None, place)


def _picked(facts: Mapping[str, Any], places: Places) -> Iterator[Moment]:
    lines = {line["pick_id"]: line for line in facts["outbox"]}

    def alike(event: Facts) -> tuple[Any, ...]:
        floor = lines.get(event["pick_id"], {}).get("floor") or ""
        return event["run_id"], event["to_state"], event["reason"] or "", event["actor"], floor

    for key, group in groupby(sorted(facts["events"], key=alike), key=alike):
        events = list(group)
        at = min(_aware(event["at"]) for event in events)
        yield Moment(at, _word(events[0]), _of_picks(events, key[-1]), key[0], _place_of_line(events, facts, places))


def _word(event: Facts) -> str:
    state = str(event["to_state"])
    return "noted" if event["from_state"] == state else _STATES.get(state, state)


def _of_picks(events: Sequence[Facts], floor: str) -> str:
    first = events[0]
    number = counted(len({event["pick_id"] for event in events}), "line") + (f" of floor {floor}" if floor else "")
    said = _MEANINGS.get(first["to_state"], "{lines}") if first["from_state"] != first["to_state"] else "{lines}"
    why = listed(text for event in events if (text := event["detail"] or event["reason"]))
    return said.format(lines=number) + (f": {why}" if why else "")


def _place_of_line(events: Sequence[Facts], facts: Mapping[str, Any], places: Places) -> RawPlace | None:
    """The object of the first line that the events are about; of a line that core has no more: none."""
    picks = {event["pick_id"] for event in events}
    line_ids = {line["line_id"] for line in facts["outbox"] if line["pick_id"] in picks}
    for row in facts["core"].get("order_lines", []):
        if row["line_id"] in line_ids:
            at = min(_aware(event["at"]) for event in events)
            place = places.of(places.as_of(row, at), row["line_key"], ("id", "number", "line"))
            return place and RawPlace(place.table, place.record_id, place.sha256, parent(place.pointer) or "#")
    return None


def _read_back(rows: Sequence[Facts]) -> Iterator[Moment]:
    for matches, group in groupby(sorted(rows, key=lambda row: not row["matches"]), key=lambda row: row["matches"]):
        found = list(group)
        told = "as it was sent" if matches else "not as it was sent: another barcode or quantity, or not found"
        at = max(_aware(row["read_at"]) for row in found)
        yield Moment(at, "read back", f"{counted(len(found), 'line')} at ScanOrders {told}")


def _tasks(tasks: Sequence[Facts]) -> Iterator[Moment]:
    for task in tasks:
        yield Moment(_aware(task["opened_at"]), "task", f"task {task['task_id']} opened: {task['detail']}")
        if task["closed_at"] is not None:
            yield Moment(_aware(task["closed_at"]), "task", f"task {task['task_id']} closed by the {task['closed_by']}")


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
