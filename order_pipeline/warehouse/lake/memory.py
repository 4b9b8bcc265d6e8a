"""What is said when DuckDB needs more memory than a setting gives: the setting, its value, and what to do."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import duckdb


class MemoryLimitError(RuntimeError):
    """A statement needed more memory than its setting gives. Nothing was committed."""


@contextmanager
def naming_memory_limit(what: str, variable: str, limit: str, otherwise: str = "") -> Generator[None]:
    """Name the setting in the error of a block that runs out of DuckDB's memory.

    Args:
        what: what is being done.
        variable: the setting, as an environment variable.
        limit: its value.
        otherwise: what else helps.

    Raises:
        MemoryLimitError: its cause is DuckDB's error, or what was made of it.
    """
    try:
        yield
    except Exception as error:
        if not _is_want_of_memory(error):
            raise
        advice = f"Raise {variable} (now {limit}){f', or {otherwise}' if otherwise else ''}, and run it again."
        raise MemoryLimitError(
            f"{what}: DuckDB's memory limit is too small. Nothing was committed. {advice}"
        ) from error


def _is_want_of_memory(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, MemoryLimitError):
        if isinstance(cause, duckdb.OutOfMemoryException):
            return True
        cause = cause.__cause__
    return False
