"""Sends the messages that wait: each claimed first, so that no two processes send it, and marked when it was taken."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from order_pipeline.alerts.message import write_message
from order_pipeline.alerts.messengers import Messenger, NotDeliveredError
from order_pipeline.alerts.redaction import redact_line
from order_pipeline.operations.incident_messages import claim_next, mark_failed, mark_sent
from order_pipeline.operations.store import OperationsStore

LOG = logging.getLogger("order_pipeline.alerts")
MOST_AT_ONCE = 20
LONGEST_SECONDS = 20.0
"""No message is begun later than this into a look: Dagster gives a sensor's tick 60 seconds. The rest waits."""


@dataclass(slots=True)
class Delivered:
    """How many messages went out by each messenger, and why a messenger stopped."""

    sent: dict[str, int] = field(default_factory=dict[str, int])
    failed: dict[str, str] = field(default_factory=dict[str, str])


def deliver(store: OperationsStore, messengers: Sequence[Messenger], ui_url: str, secrets: Iterable[str]) -> Delivered:
    """Send what waits, in order. A messenger that fails once is left alone until the next look; the others go on."""
    delivered = Delivered()
    started = time.monotonic()
    for messenger in messengers:
        tried: list[int] = []
        while len(tried) < MOST_AT_ONCE and messenger.name not in delivered.failed:
            is_late = time.monotonic() - started > LONGEST_SECONDS
            waiting = None if is_late else claim_next(store, messenger.name, not_again=tried)
            if waiting is None:
                break
            tried.append(waiting.message_id)
            try:
                messenger.bring(write_message(waiting, ui_url))
            except NotDeliveredError as error:
                delivered.failed[messenger.name] = redact_line(str(error), secrets)
                mark_failed(store, waiting.message_id, delivered.failed[messenger.name])
                LOG.warning("an alert could not be brought by %s: %s", messenger.name, delivered.failed[messenger.name])
            else:
                mark_sent(store, waiting.message_id)
                delivered.sent[messenger.name] = delivered.sent.get(messenger.name, 0) + 1
    return delivered
