"""The pace of one API, kept by all processes of a machine together: a small file says when the next request may leave.

A run that reads a channel for an hour and a run that looks up one order for a webhook are two processes. Each has its
own `RateBudget`, and both together must not ask faster than the API allows. A process reserves one moment at a time,
so that one with many requests waits in turn with the others.
"""

from __future__ import annotations

import struct
import time
from pathlib import Path

import filelock

_MOMENT = struct.Struct("<d")
_FURTHEST_INTERVALS = 100
"""A moment that is further ahead is none of ours: the clock was set back since, or the file is damaged."""


class SharedPace:
    """Gives each request a moment of its own, at least one interval after the one before, whoever asked for that."""

    def __init__(self, file: Path, requests_per_second: float) -> None:
        """Several processes that name the same file keep one pace; its folder must exist."""
        self._file = file
        self._interval = 1 / requests_per_second
        self._lock = filelock.FileLock(f"{file}.lock", thread_local=False)

    def reserve(self) -> float:
        """Take the next free moment; returns how many seconds from now it is."""
        with self._lock:
            now = time.time()
            free = self._next_free()
            if not now < free <= now + _FURTHEST_INTERVALS * self._interval:
                free = now
            self._file.write_bytes(_MOMENT.pack(free + self._interval))
        return free - now

    def _next_free(self) -> float:
        try:
            return float(_MOMENT.unpack(self._file.read_bytes())[0])
        except (FileNotFoundError, struct.error):
            return 0.0
