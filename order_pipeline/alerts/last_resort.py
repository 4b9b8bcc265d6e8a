"""What is told when the operations store itself does not open: no incident can be remembered, so a file stands for it.

The file `alerts_without_store` in the data directory says that people know. It goes when the store is back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from order_pipeline.alerts.kinds import Kind
from order_pipeline.alerts.message import write_message
from order_pipeline.alerts.messengers import Messenger, NotDeliveredError
from order_pipeline.operations.incident_messages import WaitingMessage
from order_pipeline.operations.incidents import Event

MARK = "alerts_without_store"


def tell_without_store(data_dir: Path, messengers: Sequence[Messenger], ui_url: str, error: Exception) -> bool:
    """Tell once that alerts cannot work; True when it was told now. Where nobody took it, the next call tries again."""
    mark = data_dir / MARK
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with mark.open("x", encoding="utf-8") as file:
            file.write(datetime.now(UTC).isoformat())
    except FileExistsError:
        return False
    is_told = _bring(messengers, "opened", datetime.now(UTC), ui_url, type(error).__name__)
    if not is_told:
        mark.unlink(missing_ok=True)
    return is_told


def tell_that_it_is_back(data_dir: Path, messengers: Sequence[Messenger], ui_url: str) -> bool:
    """Tell once that the store opens again, where people were told that it did not."""
    mark = data_dir / MARK
    try:
        since = datetime.fromisoformat(mark.read_text(encoding="utf-8"))
        mark.unlink()
    except (FileNotFoundError, ValueError):
        return False
    return _bring(messengers, "closed", since, ui_url, "")


def _bring(messengers: Sequence[Messenger], event: Event, since: datetime, ui_url: str, error: str) -> bool:
    """Whether a messenger took it; the log counts only where there is no other."""
    now = datetime.now(UTC)
    incident = {
        "kind": Kind.CANNOT_LOOK,
        "subject": "the operations store",
        "message": f"The operations store does not work{f' ({error})' if error else ''}: no pick is planned or sent, "
        "and no incident is remembered.",
        "next_step": "order-pipeline doctor",
        "run_id": None,
        "partitions": None,
        "since": since,
        "opened_at": since,
        "closed_at": now if event == "closed" else None,
        "closed_by": "",
    }
    message = write_message(WaitingMessage(0, event, incident, now), ui_url)
    taken: list[str] = []
    for messenger in messengers:
        try:
            messenger.bring(message)
        except NotDeliveredError:
            continue
        taken.append(messenger.name)
    return bool(taken) and (taken != ["log"] or len(messengers) == 1)
