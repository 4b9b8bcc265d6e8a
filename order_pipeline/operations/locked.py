"""A SQLite file that somebody else has locked: say that we wait, and in the end name the file and what to do."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError

SECONDS_UNTIL_SAID = 2.0
LET_IT_END = "Let that process end, or end it, then run the command again; nothing is half done."
_LOG = logging.getLogger(__name__)


class StoreBusyError(OperationalError):
    """Another process kept the operations store locked; the message names the file."""

    next_step = LET_IT_END

    def __init__(self, file: str, seconds: float, error: BaseException) -> None:
        super().__init__("", None, error)
        self._told = told(file, seconds)

    def __str__(self) -> str:
        """What a person needs; SQLAlchemy's own text would add the statement and a link."""
        return self._told


def told(file: str, seconds: float) -> str:
    """That the file stayed locked, and how to find who has it."""
    return f"{file} is locked by another process, still after {seconds:.0f} s. `lsof '{file}'` names who has it open."


def is_locked(error: BaseException) -> bool:
    """Whether SQLite, or DuckDB's copy of it, says that somebody else holds the lock."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return "database is locked" in str(error)


@contextmanager
def said_when_it_waits(file: str, seconds: float) -> Generator[None]:
    """Log a line when the block takes so long that somebody else probably holds the file's lock."""
    line = "Waiting for %s: another process seems to have it locked. Given up after %.0f s."
    timer = threading.Timer(SECONDS_UNTIL_SAID, _LOG.warning, (line, file, seconds))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
