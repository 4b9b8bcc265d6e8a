"""Where rows wait on disk when memory has no room for them: a directory for each process, and one for each instance.

DuckDB names its spilled blocks alike in every instance, so two that share a directory read and remove each other's:
rows come back with wrong values, or the process ends (DuckDB #15173, #24758). What a killed process leaves behind is
removed by the next one that begins here.
"""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import tempfile
import threading
import uuid
from functools import cache
from pathlib import Path

import filelock

_LOCK = ".lock"
_OF_ITS_OWNER = 0o700
"""Rows of customers wait here, and a notebook that reads the lake may leave its new files open to others."""
_MAY_NOT_WRITE = {errno.EACCES, errno.EPERM, errno.EROFS}

_beginning = threading.Lock()
_held: dict[tuple[int, Path], filelock.BaseFileLock] = {}


def spill_directory(parent: Path) -> Path:
    """This process's own directory under `parent`; it exists while the process runs.

    Args:
        parent: shared by all processes, made if need be.
    """
    parent = parent.resolve()
    with _beginning:
        # A forked process has its parent's locks in its memory, but is not their holder.
        lock = _held.get((os.getpid(), parent)) or _begin(parent)
        directory = Path(lock.lock_file).with_suffix("")
        directory.mkdir(mode=_OF_ITS_OWNER, parents=True, exist_ok=True)
        return directory


def instance_directory(parent: Path) -> Path:
    """A directory for one DuckDB instance. Not made yet: DuckDB makes it with its first block, and removes it.

    It is in the system's temporary directory for who may only read the lake.
    """
    try:
        directory = spill_directory(parent)
    except OSError as error:
        if error.errno not in _MAY_NOT_WRITE:
            raise
        directory = Path(_elsewhere(os.getpid()).name)
    return directory / uuid.uuid4().hex


@cache
def _elsewhere(_process_id: int) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="order-pipeline-")


def _begin(parent: Path) -> filelock.BaseFileLock:
    parent.mkdir(mode=_OF_ITS_OWNER, parents=True, exist_ok=True)
    lock = filelock.FileLock(parent / f"{uuid.uuid4().hex}{_LOCK}", mode=0o600, thread_local=False)
    # One at a time: nobody must find a lock between its making and its holding, and take it for a dead one's.
    with filelock.FileLock(parent / "processes", mode=0o600):
        for other in parent.glob(f"*{_LOCK}"):
            _remove_if_ended(other)
        lock.acquire()
    _held[os.getpid(), parent] = lock
    atexit.register(_end, os.getpid(), parent)
    return lock


def _remove_if_ended(file: Path) -> None:
    lock = filelock.FileLock(file)
    try:
        with lock.acquire(timeout=0):
            _remove(file)
    except filelock.Timeout:
        return


def _end(process_id: int, parent: Path) -> None:
    if process_id == os.getpid():
        lock = _held.pop((process_id, parent))
        _remove(Path(lock.lock_file))
        lock.release()


def _remove(file: Path) -> None:
    shutil.rmtree(file.with_suffix(""), ignore_errors=True)
    file.unlink(missing_ok=True)
