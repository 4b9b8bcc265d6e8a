"""Puts the redaction before what Dagster keeps of an error: events, ticks, code that does not load, the UI's pages.

All of them come from one method of Dagster, which turns a traceback into what it stores. Dagster's own switch
(`DAGSTER_REDACT_USER_CODE_ERRORS`) takes the whole text away, and nobody would learn what to do next.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import traceback
from typing import Any

from dagster_shared.error import SerializableErrorInfo

from order_pipeline.redaction.errors import shown_message
from order_pipeline.redaction.process import redact_this_process

_stored = SerializableErrorInfo.from_traceback.__func__  # pyright: ignore[reportFunctionMemberAccess]


def redact_dagster() -> None:
    """From now on this process and its logs pass the redaction, and so do the errors that Dagster stores."""
    redact_this_process()
    SerializableErrorInfo.from_traceback = classmethod(_redacted)  # pyright: ignore[reportAttributeAccessIssue]


def _redacted(kind: type[SerializableErrorInfo], error: traceback.TracebackException) -> SerializableErrorInfo:
    # Dagster's method calls itself for the causes, and so comes back here for each of them.
    found: Any = _stored(kind, error)
    return found._replace(message=_shown(found.message))


def _shown(message: str) -> str:
    name, mark, text = message.partition(": ")
    return f"{name}{mark}{shown_message(name, text)}".rstrip() + "\n" if mark else message
