"""The writers' lock of an embedded lake: one writing transaction at a time across processes, with a bounded wait.

A SQLite catalog answers two commits that race with `database is locked`, whatever its busy timeout; so writers queue
here, for just their transaction. Readers never take this lock. The operating system frees it when its holder dies.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import filelock
import msgspec


class Holder(msgspec.Struct, frozen=True):
    """Who holds the lock: written beside it, for the message of those who wait."""

    pid: int
    purpose: str
    since: datetime


class LakeBusyError(TimeoutError):
    """The lock was not had within the bound; the message names the holder."""

    def __init__(self, lock: Path, purpose: str, waited_seconds: float, holder: Holder | None) -> None:
        who = (
            f"process {holder.pid} ({holder.purpose}, since {holder.since.isoformat(timespec='seconds')})"
            if holder
            else "a process that has not written its name yet"
        )
        super().__init__(
            f"Waited {waited_seconds:g} s to write to the lake ({purpose}); {lock} is held by {who}. "
            "Wait for it or end that process, then try again; nothing was written."
        )
        self.holder = holder


@contextmanager
def writers_lock(lock: Path, purpose: str, timeout_seconds: float) -> Generator[None]:
    """Hold the lock for the block.

    Raises:
        LakeBusyError: another writer held it for `timeout_seconds`.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    file_lock = filelock.FileLock(lock, thread_local=False)
    try:
        file_lock.acquire(timeout=timeout_seconds, poll_interval=0.01)
    except filelock.Timeout as error:
        raise LakeBusyError(lock, purpose, timeout_seconds, current_holder(lock)) from error
    note = _note(lock)
    try:
        # Replaced in one step, so that whoever waits reads a whole note. A killed holder's note stays until the next.
        fresh = note.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(msgspec.json.encode(Holder(os.getpid(), purpose, datetime.now(UTC))))
        fresh.replace(note)
        yield
    finally:
        note.unlink(missing_ok=True)
        file_lock.release()


def current_holder(lock: Path) -> Holder | None:
    """The holder as last written, or None. Only for messages: the note of a killed process stays until the next."""
    try:
        return msgspec.json.decode(_note(lock).read_bytes(), type=Holder)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _note(lock: Path) -> Path:
    return lock.with_suffix(".holder")
