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


class LakeBusyError(TimeoutError):
    """The lock was not had within the bound; the message names the holder."""


@contextmanager
def writers_lock(lock: Path, purpose: str, timeout_seconds: float) -> Generator[None]:
    """Hold the lock for the block; a note beside it tells those who wait who holds it.

    Raises:
        LakeBusyError: another writer held it for `timeout_seconds`.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    note = lock.with_suffix(".holder")
    file_lock = filelock.FileLock(lock, thread_local=False)
    try:
        file_lock.acquire(timeout=timeout_seconds, poll_interval=0.01)
    except filelock.Timeout as error:
        holder = note.read_text() if note.exists() else "a process that has not written its name yet"
        raise LakeBusyError(
            f"Waited {timeout_seconds:g} s to write to the lake ({purpose}); {lock} is held by {holder}. "
            "Wait for it or end that process, then try again; nothing was written."
        ) from error
    try:
        note.write_text(f"process {os.getpid()} ({purpose}, since {datetime.now(UTC).isoformat(timespec='seconds')})")
        yield
    finally:
        note.unlink(missing_ok=True)
        file_lock.release()
