"""How a message reads: what happened, since when, the run, the days, the next step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from order_pipeline.operations.incident_messages import WaitingMessage

BEGINNINGS = {"opened": "ALERT", "closed": "OVER", "reminder": "STILL OPEN"}


@dataclass(frozen=True, slots=True)
class Message:
    """What a messenger brings: a title of one line, the text, and the parts for a program."""

    title: str
    text: str
    parts: dict[str, str]


def write_message(waiting: WaitingMessage, ui_url: str) -> Message:
    """The message about one change of an incident. Its texts are redacted already."""
    incident = waiting.incident
    parts = {
        "event": waiting.event,
        "kind": str(incident["kind"]),
        "subject": str(incident["subject"]),
        "message": str(incident["message"]),
        "since": shown_time(incident["since"]),
        "closed_at": shown_time(incident["closed_at"]) if waiting.event == "closed" else "",
        "partitions": incident["partitions"] or "",
        "run": link_to_run(ui_url, incident["run_id"]),
        "next_step": "" if waiting.event == "closed" else str(incident["next_step"]),
    }
    title = f"{BEGINNINGS[waiting.event]} {parts['message']}"
    lines = [title, *_facts(incident, parts)]
    return Message(title, "\n".join(lines), parts)


def write_test_message(at: datetime, ui_url: str) -> Message:
    """The message of `order-pipeline alerts test`."""
    parts = {"event": "test", "kind": "test", "subject": "alerts", "since": shown_time(at), "run": ui_url}
    title = "TEST This is how an alert of order-pipeline arrives. Nothing is wrong."
    parts |= {"message": title, "closed_at": "", "partitions": "", "next_step": "order-pipeline alerts list"}
    return Message(title, f"{title}\nsince: {parts['since']}\nnext: {parts['next_step']}", parts)


def link_to_run(ui_url: str, run_id: Any) -> str:
    """Where the run is shown; without a run, the UI's page of runs."""
    return f"{ui_url.rstrip('/')}/runs/{run_id or ''}".rstrip("/")


def shown_time(moment: datetime) -> str:
    """A time for people."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _facts(incident: dict[str, Any], parts: dict[str, str]) -> list[str]:
    lasted = f"   over: {parts['closed_at']}, after {_span(incident)}" if parts["closed_at"] else ""
    facts = {
        "since": parts["since"] + lasted,
        "days": parts["partitions"],
        "run": parts["run"],
        "next": parts["next_step"],
    }
    ending = _ending(incident) if parts["closed_at"] else ""
    return [*(f"{name}: {value}" for name, value in facts.items() if value), *([ending] if ending else [])]


def _ending(incident: dict[str, Any]) -> str:
    return f"dismissed by: {incident['closed_by']}" if incident["closed_by"] else ""


def _span(incident: dict[str, Any]) -> str:
    lasted: timedelta = incident["closed_at"] - min(incident["since"], incident["opened_at"])
    minutes = int(lasted.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"
