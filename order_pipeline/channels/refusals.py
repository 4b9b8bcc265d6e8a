"""The reject of a record whose own call was refused, or brought what cannot be read; the other records go on."""

from __future__ import annotations

from datetime import date

from order_pipeline.channels.base import DeadLetter
from order_pipeline.http.errors import ApiError, CutBody, UnreadableBody

REFUSED_CALL = "refused_call"
"""Rule of docs/apis/common_schema.md section 13: the record's call was refused, or its id can stand in no call."""

_SHOWN = 150


def refusal(
    asked_for: str,
    field: str,
    error: ApiError,
    *,
    record_id: str | None,
    day: date | None = None,
    known: bytes = b"",
) -> DeadLetter:
    """The reject of a record whose call failed over it (`http.errors.concerns_the_record`).

    Args:
        asked_for: its id.
        field: what holds the id.
        error: how the call failed.
        record_id: under which its arrival will close the reject.
        day: its partition day, if known.
        known: what else is known of the record. Answers that refuse are not kept: they differ from call to call.
    """
    said = f"{error.reason} {error.excerpt}".strip()[:_SHOWN]
    if isinstance(error, UnreadableBody | CutBody) or error.status == 200:
        return DeadLetter("bad_json", field, said, about(asked_for, error.content), day, record_id)
    return DeadLetter(REFUSED_CALL, field, said, about(asked_for, known), day, record_id)


def about(asked_for: str, content: bytes) -> bytes:
    """An answer behind a line that says what was asked for: equal answers about two records are two rejects."""
    return asked_for.encode(errors="replace") + b"\n" + content
