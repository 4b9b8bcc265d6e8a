"""Puts the redaction before every log record and every traceback of this process."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, cast

from order_pipeline.redaction.errors import described, traceback_of
from order_pipeline.redaction.texts import redact_message

_make_record = logging.LogRecord


def redact_this_process() -> None:
    """From now on every log record, of any library, and every error that nobody caught passes the redaction.

    The records are changed when they are made, so no handler, of this process or of a library, gets another text.
    """
    logging.setLogRecordFactory(_redacted_record)
    sys.excepthook = _print_uncaught
    threading.excepthook = _print_uncaught_in_thread


def _redacted_record(*values: Any, **named: Any) -> logging.LogRecord:
    record = _make_record(*values, **named)
    record.args = _redacted_arguments(record.args)
    try:
        whole = record.getMessage()
    except (TypeError, ValueError, KeyError):
        return record  # its handler says that message and arguments do not fit
    if (shown := redact_message(whole)) != whole:
        record.msg, record.args = shown, ()
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = traceback_of(record.exc_info[1])  # a formatter takes this text and makes none of its own
    return record


def _redacted_arguments(arguments: Any) -> Any:
    if isinstance(arguments, Mapping):
        return {name: _redacted(value) for name, value in cast("Mapping[str, object]", arguments).items()}
    return tuple(map(_redacted, arguments)) if isinstance(arguments, tuple) else arguments


def _redacted(value: object) -> object:
    if isinstance(value, BaseException):
        return described(value)
    return redact_message(value) if isinstance(value, str) else value


def _print_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        sys.stderr.write(f"{traceback_of(error.with_traceback(trace))}\n")


def _print_uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        name = failed.thread.name if failed.thread else "a thread"
        sys.stderr.write(f"Exception in thread {name}:\n{traceback_of(failed.exc_value)}\n")
