"""What may be shown of an error.

Our own errors say what was tried, on what, and what to do; their texts only pass the redaction. A library's error
repeats what it could not read, which may be a customer's name: DuckDB its input, SQLAlchemy statement and parameters,
pydantic the value, pyarrow and pandas the cell. So of a library's text nothing is shown from the first sign on that it
may repeat something; only a few kinds, which arise before any record is read, are shown whole.
"""

from __future__ import annotations

import builtins
import re
import traceback
from collections.abc import Iterator
from typing import cast

from pydantic import ValidationError

from order_pipeline.redaction.texts import redact_message

LONGEST = 2000
"""Characters of one library's text that are shown."""

_OURS = ("order_pipeline.", "dagster._core.definitions.events.Failure", "dagster._core.definitions.events.Retry")
_FILES_AND_SOCKETS = {
    name for name, found in vars(builtins).items() if isinstance(found, type) and issubclass(found, OSError)
}
_WITHOUT_RECORDS = {
    *_FILES_AND_SOCKETS,
    *("AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "NotImplementedError"),
    *("socket.gaierror", "socket.timeout", "ssl.SSLError", "ssl.SSLCertVerificationError"),
    # A statement holds no value of a record, and these arise before it reads one.
    *(f"{module}.{kind}Exception" for module in ("duckdb", "_duckdb") for kind in ("Parser", "Binder", "Catalog")),
    "pydantic_settings.exceptions.SettingsError",
    *(f"dagster._core.errors.Dagster{kind}Error" for kind in ("ExecutionStepExecution", "UserCodeLoad")),
    *("dagster._core.errors.SensorExecutionError", "dagster._core.errors.ScheduleExecutionError"),
}

# libpq has no connection yet; DuckDB refuses the kind of statement.
_BEFORE_A_RECORD = re.compile(
    r"(\(psycopg\.OperationalError\) )?connection failed: |(\w+ )+Error: Cannot execute statement of type "
)

# In quotes, as JSON, or bare, as a long number or an address. A model is named by its file, wherever that lies.
_DIRECTORY = re.compile(r"\S*/")
_REPEATED_INPUT = re.compile(r"[\"'`{\[\n]|\d{6}|\S*@|\+\d")


def described(error: BaseException) -> str:
    """The error as it may be shown: its kind, and of its text what repeats no input; one line where a library's."""
    return f"{type(error).__name__}: {shown_text(error)}".rstrip(": ")


def shown_text(error: BaseException) -> str:
    """What may be shown of the error's text, without its kind."""
    if isinstance(error, ValidationError):
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        return redact_message("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems))
    # SQLAlchemy's own text adds the statement and its parameters to the driver's.
    cause = error if is_ours(error) else cast("BaseException", getattr(error, "orig", None) or error)
    return shown_message(_qualified(cause), str(cause))


def shown_message(kind: str, text: str) -> str:
    """What may be shown of the text of an error of this kind.

    Args:
        kind: its class with its module, as a traceback has it: `_duckdb.ConversionException`, `ValueError`.
        text: all of its text.
    """
    if kind.startswith(_OURS):
        return redact_message(text)
    text = text.partition("\n[SQL")[0]
    if kind in _WITHOUT_RECORDS or kind.startswith("jinja2.") or _BEFORE_A_RECORD.match(text):
        return redact_message(text)[:LONGEST]
    return redact_message(without_repeated_input(text))[:LONGEST]


def without_repeated_input(text: str) -> str:
    """The text up to where it may repeat what could not be read, paths shortened to the file's name."""
    text = _DIRECTORY.sub("", text)
    repeated = _REPEATED_INPUT.search(text)
    return f"{text[: repeated.start()]}…" if repeated else text


def is_ours(error: BaseException) -> bool:
    """Whether this project wrote the error's text."""
    return _qualified(error).startswith(_OURS)


def told(error: BaseException) -> str:
    """The error for a person at a terminal: our own text alone, or a library's with its kind."""
    return shown_text(error) if is_ours(error) else described(error)


def traceback_of(error: BaseException) -> str:
    """As Python prints an error with what it came from, each text as it may be shown; code lines hold no data."""
    return "\n".join(_told_with_causes(error, set()))


def _told_with_causes(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _told_with_causes(before, seen)
        yield "\nThe error above led to this one:\n"
    lines = "".join(traceback.format_tb(error.__traceback__)).rstrip()
    yield f"Traceback (most recent call last):\n{lines}\n{described(error)}" if lines else described(error)
    if isinstance(error, BaseExceptionGroup):
        for part in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            if id(part) not in seen:
                yield "\nOne of them:\n"
                yield from _told_with_causes(part, seen)


def _qualified(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
