"""What may stand in a message: no secret of the settings, nothing that looks like one, no e-mail, no telephone number.

The looks build their sentences from counts, names of jobs, sources and days. This is the second net.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from order_pipeline.destinations.scanorders_token import load_token
from order_pipeline.http.errors import NotConfigured
from order_pipeline.operations.incidents import Incident
from order_pipeline.redaction.secrets import secrets_in
from order_pipeline.redaction.texts import redact_text
from order_pipeline.settings import Settings

MOST_CHARACTERS = 500


def redact_incident(incident: Incident, secrets: Iterable[str]) -> Incident:
    """The incident with texts that may leave this machine, each on one line."""
    return replace(
        incident,
        subject=redact_line(incident.subject, secrets),
        message=redact_line(incident.message, secrets),
        next_step=redact_line(incident.next_step, secrets),
    )


def redact_line(text: str, secrets: Iterable[str]) -> str:
    """One redacted line, cut after redaction and never before."""
    line = " ".join(redact_text(text, secrets).split())
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 1]}…"


def secret_values(settings: Settings) -> list[str]:
    """Every secret that is at hand: those of the settings, of all groups, and the stored tokens of ScanOrders."""
    values = list(secrets_in(settings))
    for floor in settings.floor_settings:
        with suppress(NotConfigured):
            token = load_token(settings, floor)
            values += [token.access_token] if token else []
    return values
