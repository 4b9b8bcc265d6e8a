"""The preview of an emission: what it would do now, the exact payloads, and how they differ from what was sent.

A preview only reads: it stores nothing and makes no request. The payloads hold the customer's name, so they are for a
terminal and never for logs or metadata.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.outbox.gap import load_gap
from order_pipeline.picking.outbox.open_lines import load_for_planning
from order_pipeline.picking.outbox.payload import Payload, differences, payload_text
from order_pipeline.picking.outbox.states import NOT_ON_THE_FLOOR, PickState
from order_pipeline.picking.outbox.store import OutboxLine
from order_pipeline.picking.planning.pick_lines import build_payload, pick_lines_from_rows, settings_for
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.planning.plan import make_plan
from order_pipeline.picking.planning.upstream import read_since
from order_pipeline.settings import Settings

Action = Literal["send", "hold", "on_the_floor", "ask_a_person"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One line: `send` goes out next, `hold` waits for `reason`, `on_the_floor` was sent, `ask_a_person` is shown.

    `payload` is exactly what would be sent; `differences` compares it with what was sent, where something was.
    """

    pick_id: str
    order_number: str
    floor: str
    action: Action
    reason: str
    payload: Payload
    differences: list[str]


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """Where a line would stand after an emission had planned."""

    state: PickState
    reason: str | None
    payload_sha256: str


@dataclass(frozen=True, slots=True)
class Planned:
    """The lines that planning looks at, and where each would stand after an emission had planned."""

    known: dict[str, OutboxLine]
    after: dict[str, PlannedLine]


def plan_without_storing(
    settings: Settings, store: OperationsStore, picks: PickList, other: PickList | None = None
) -> Planned:
    """Plan as an emission would. Nothing is stored. `other`: a list to compare with, whose lines are looked at too."""
    store.create_all()
    with store.reading() as connection:
        lists = [picks, other or picks]
        pick_ids = frozenset[str]().union(*(each.pick_ids for each in lists))
        orders = frozenset[str]().union(*(each.quarantined_orders for each in lists))
        lines = load_for_planning(connection, pick_ids, orders, read_since(store.now(connection)))
        known = {line.pick_id: line for line in lines}
        gap = load_gap(connection, picks.pick_ids)
    plan = make_plan(picks, known.values(), settings.floor_settings, wave=0, rules=settings.picking, gap=gap)
    after = {pick_id: PlannedLine(line.state, line.reason, line.payload_sha256) for pick_id, line in known.items()}
    after |= {
        row["pick_id"]: PlannedLine(PickState(row["state"]), row["reason"], row["payload_sha256"])
        for row in plan.new_lines
    }
    after |= {each.pick_id: PlannedLine(each.after, each.reason, each.payload_sha256) for each in plan.transitions}
    return Planned(known, after)


def preview(settings: Settings, store: OperationsStore, picks: PickList) -> list[Preview]:
    """Preview every line of the list of picks, in its order."""
    lines = pick_lines_from_rows(picks.rows)
    planned = plan_without_storing(settings, store, picks)
    known, after = planned.known, planned.after
    floors = settings.floor_settings
    previews: list[Preview] = []
    for line in lines:
        planned_line = after[line.pick_id]
        payload = build_payload(line, settings_for(line, floors))
        before = known.get(line.pick_id)
        was_sent = before is not None and before.state not in NOT_ON_THE_FLOOR
        previews.append(
            Preview(
                pick_id=line.pick_id,
                order_number=line.order_number,
                floor=line.floor or "",
                action=action_of(planned_line.state),
                reason=planned_line.reason or "",
                payload=payload,
                differences=differences(before.payload, payload_text(payload)) if was_sent and before else [],
            )
        )
    return previews


def action_of(state: PickState) -> Action:
    """What a line's state after planning means."""
    if state is PickState.PLANNED:
        return "send"
    if state is PickState.HELD:
        return "hold"
    return "on_the_floor" if state in {PickState.SENT, PickState.RESOLVED_SENT} else "ask_a_person"
