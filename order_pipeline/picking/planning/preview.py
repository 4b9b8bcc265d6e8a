"""The dry run on paper: what an emission of now would do, the exact payloads, and how they differ from what was sent.

Reads only; nothing is stored and no request is made. The payloads hold the customer's name: for a terminal, not for
logs or metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox.lines import Payload, build_payload, payload_text, pick_lines_from_rows
from order_pipeline.picking.outbox.states import NOT_ON_THE_FLOOR, PickState
from order_pipeline.picking.outbox.tasks import differences
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.planning.plan import make_plan
from order_pipeline.settings import Settings

Action = Literal["send", "hold", "on_the_floor", "ask_a_person"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One line: `send` goes out next, `hold` waits for `reason`, `on_the_floor` is settled, `ask_a_person` is shown.

    `payload` is exactly what would be sent; `differences` compares it with what was sent, where something was.
    """

    pick_id: str
    order_number: str
    action: Action
    reason: str
    payload: Payload
    differences: list[str]


def preview(settings: Settings, store: OperationsStore, picks: PickList) -> list[Preview]:
    """Preview every line of the list of picks, in its order."""
    lines = pick_lines_from_rows(picks.rows)
    store.create_all()
    with store.reading() as connection:
        known = {line.pick_id: line for line in outbox.load_lines(connection)}
    plan = make_plan(
        lines,
        known,
        settings.scanorders,
        wave=0,
        upstream={status.pick_id: status for status in picks.upstream},
        quarantined_orders=picks.quarantined_orders,
    )
    after = {pick_id: (line.state, line.reason) for pick_id, line in known.items()}
    after |= {row["pick_id"]: (PickState(row["state"]), row["reason"]) for row in plan.new_lines}
    after |= {step.pick_id: (step.after, step.reason) for step in plan.transitions}
    previews: list[Preview] = []
    for line in lines:
        state, reason = after[line.pick_id]
        payload = build_payload(line, settings.scanorders)
        before = known.get(line.pick_id)
        was_sent = before is not None and before.state not in NOT_ON_THE_FLOOR
        previews.append(
            Preview(
                pick_id=line.pick_id,
                order_number=line.order_number,
                action=_action(state),
                reason=reason or "",
                payload=payload,
                differences=differences(before.payload, payload_text(payload)) if was_sent and before else [],
            )
        )
    return previews


def as_json(previews: Sequence[Preview]) -> str:
    """The previews as a JSON array, for a terminal."""
    return msgspec.json.encode(previews).decode()


def _action(state: PickState) -> Action:
    if state is PickState.PLANNED:
        return "send"
    if state is PickState.HELD:
        return "hold"
    return "on_the_floor" if state in {PickState.SENT, PickState.RESOLVED_SENT} else "ask_a_person"
