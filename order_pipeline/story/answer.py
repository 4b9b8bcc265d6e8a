"""The answer of a story: where the order is and why, in one plain sentence, and the next step as commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from order_pipeline.picking.outbox.states import WITHDRAWN, PickState
from order_pipeline.story.holds import remedy
from order_pipeline.story.rows import Facts
from order_pipeline.story.words import command, counted, listed, moment

_WORD = ("--reason", "REASON", "--who", "NAME")
_ORDER = [  # what needs a person first
    *(PickState.IN_DOUBT, PickState.CANCELLED_AFTER_SEND, PickState.CHANGED_AFTER_SEND, PickState.REJECTED),
    *(PickState.HELD, PickState.SENDING, PickState.PLANNED, PickState.RESOLVED_NOT_SENT),
    *(PickState.SENT, PickState.RESOLVED_SENT),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """One sentence, and the commands that come next; none: nothing is to be done."""

    sentence: str
    next_steps: list[str] = field(default_factory=list[str])


def answer(facts: Mapping[str, Any]) -> Answer:
    """The answer from the facts that `tell_stories` gathers about one order."""
    ours, others = _of_our_floor(facts), _of_others(facts)
    if others and not (facts["outbox"] or facts["pick_lines"]):
        return Answer(f"Not picked by our floor: {others}.")
    sentence = f"{ours.sentence}; {others}" if others else ours.sentence
    return Answer(sentence[:1].upper() + sentence[1:] + ".", ours.next_steps)


def _of_others(facts: Mapping[str, Any]) -> str:
    """What somebody else picks of the order, or an empty text."""
    parts = [f"{counted(row['lines'], 'line')} at location {row['location']}" for row in facts["elsewhere"]]
    setting = f"ORDER_PIPELINE_{str(facts['source']).upper()}__LOCATIONS"
    return f"others pick {', '.join(parts)} (ours are in {setting})" if parts else ""


def _of_our_floor(facts: Mapping[str, Any]) -> Answer:
    still_open = [row for row in facts["quarantine"] if row["resolved_at"] is None]
    if facts["outbox"]:
        return _joined(_of_lines(facts, lines) for lines in _groups(facts["outbox"]))
    if not facts["core"].get("orders"):
        return _quarantined(facts["source"], still_open, "its order row broke a rule")
    for row in facts["without_picks"]:
        return Answer(f"not picked, {row['reason']}: {row['detail']}")
    if facts["pick_lines"]:
        return _not_planned(facts)
    if still_open:
        return _quarantined(facts["source"], still_open, "rows of it broke a rule")
    return _not_to_be_picked(facts)


def _joined(answers: Iterable[Answer]) -> Answer:
    every = list(answers)
    steps = dict.fromkeys(step for each in every for step in each.next_steps)
    return Answer("; ".join(each.sentence for each in every), list(steps))


def _groups(lines: Sequence[Facts]) -> list[list[Facts]]:
    """The lines by state, reason and floor; those that need a person first."""
    groups: dict[tuple[int, str, str], list[Facts]] = {}
    for line in lines:
        key = (_ORDER.index(PickState(line["state"])), line["reason"] or "", line.get("floor") or "")
        groups.setdefault(key, []).append(line)
    return [groups[key] for key in sorted(groups)]


def _of_lines(facts: Mapping[str, Any], lines: Sequence[Facts]) -> Answer:
    """What is to say of lines that share state, reason and floor."""
    first, source = lines[0], str(facts["source"])
    number, state = counted(len(lines), "line"), PickState(lines[0]["state"])
    where = f" of floor {first['floor']}" if "floor" in first else ""
    reason = listed(line["detail"] or line["reason"] or "no reason given" for line in lines)
    since = moment(_since(facts["events"], lines))
    words = {
        PickState.SENT: f"on the floor since {since} ({number}{where})",
        PickState.RESOLVED_SENT: f"on the floor by a person's word since {since} ({number}{where})",
        PickState.HELD: f"held since {since} because {reason}: {remedy(first['reason']).words} ({number}{where}, "
        f"{first['reason']})",
        PickState.IN_DOUBT: f"in doubt since {since}: {number}{where} may be on the floor, and nobody knows; look at "
        "the ScanOrders screen",
        PickState.REJECTED: f"refused by ScanOrders since {since}: {reason} ({number}{where})",
        PickState.SENDING: f"being sent since {since} ({number}{where})",
        PickState.PLANNED: f"planned since {since} and not sent yet ({number}{where}{_set_back(first)})",
        PickState.RESOLVED_NOT_SENT: f"not on the floor by a person's word since {since}; the next run plans it again "
        f"({number}{where})",
        PickState.CHANGED_AFTER_SEND: f"changed after sending, since {since}: {number}{where} on the floor as before",
        PickState.CANCELLED_AFTER_SEND: f"cancelled after sending, since {since}: {number}{where} still on the floor "
        f"as far as anybody said ({reason})",
    }
    if first["reason"] == WITHDRAWN:
        return Answer(f"taken off the floor by a person since {since} ({number}{where})")
    return Answer(words[state], _steps(state, source, lines))


def _steps(state: PickState, source: str, lines: Sequence[Facts]) -> list[str]:
    picks, run = [line["pick_id"] for line in lines], ("run", "--source", source)
    steps: list[tuple[str, ...]] = []
    match state:
        case PickState.HELD:
            return remedy(lines[0]["reason"]).commands_for(source)
        case PickState.IN_DOUBT:
            words = ("--sent", "--not-sent")
            steps = [("outbox", "resolve", pick, word, *_WORD) for pick in picks for word in words]
        case PickState.CANCELLED_AFTER_SEND:
            steps = [("outbox", "withdraw", pick, *_WORD) for pick in picks]
        case PickState.CHANGED_AFTER_SEND:
            steps = [("outbox", "confirm", pick, *_WORD) for pick in picks]
        case PickState.REJECTED:
            steps = [("outbox", "show", picks[0]), run]
        case PickState.PLANNED if lines[0]["reason"] == "unauthorised":
            steps = [("scanorders", "login"), run]
        case PickState.PLANNED | PickState.RESOLVED_NOT_SENT:
            steps = [run]
        case _:
            pass
    return [command(*each) for each in steps]


def _set_back(line: Facts) -> str:
    return f", {line['reason']}: {line['detail']}" if line["reason"] else ""


def _since(events: Sequence[Facts], lines: Sequence[Facts]) -> Any:
    """When the first of the lines came into the state that it is in; notes do not count."""
    came: dict[str, Any] = {}
    states = {line["pick_id"]: line["state"] for line in lines}
    for event in events:
        if event["to_state"] == states.get(event["pick_id"]) and event["from_state"] != event["to_state"]:
            came[event["pick_id"]] = event["at"]
    return min(came.values(), default=min((line["updated_at"] for line in lines), default=None))


def _not_planned(facts: Mapping[str, Any]) -> Answer:
    source = str(facts["source"])
    held = [row for row in facts["pick_lines"] if row["hold_reason"]]
    if not held:
        return Answer("to be picked and not planned yet", [command("run", "--source", source)])
    first = held[0]["hold_reason"]
    why = listed(row["hold_detail"] or row["hold_reason"] for row in held)
    return Answer(
        f"held because {why}: {remedy(first).words} ({counted(len(held), 'line')}, {first}; not in the outbox yet)",
        remedy(first).commands_for(source),
    )


def _quarantined(source: str, rejects: Sequence[Facts], what: str) -> Answer:
    why = listed(f"{row['rule']} on {row['field']}" for row in rejects) or "resolved since; core is not built yet"
    steps = remedy("quarantined").commands_for(source)
    return Answer(f"quarantined because {what} ({why}): {remedy('quarantined').words}", steps)


def _not_to_be_picked(facts: Mapping[str, Any]) -> Answer:
    name = str(facts["source"])
    if not facts["is_picked"]:
        return Answer(
            f"not to be picked: {name} is not picked here (ORDER_PIPELINE_PICKING__{name.upper()} is not true)"
        )
    order = facts["core"]["orders"][0]
    return Answer(f"not to be picked: its status is {order['order_status']} ({order['source_status']} at {name})")
