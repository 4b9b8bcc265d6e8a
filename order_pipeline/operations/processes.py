"""Marks of processes, stored so that others can tell later whether a process has certainly ended.

A process id alone says nothing: ids are used again, and another machine or container has its own. So a mark names the
machine's boot, the process table that the id belongs to, and the process's start in clock ticks since that boot. Where
the system does not tell these (anything but Linux), there is no mark, and nobody is ever taken for dead.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

_PROCESSES = Path("/proc")
_BOOT_ID = _PROCESSES / "sys/kernel/random/boot_id"
_OWN_TABLE = _PROCESSES / "self/ns/pid"
_ENDED_STATES = {"Z", "X", "x"}  # zombie: it has ended, and its parent has not asked for the exit code yet
_STATE_FIELD, _START_FIELD = 0, 19  # of /proc/<pid>/stat, counted behind the program's name (man 5 proc_pid_stat)


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """One process of one machine, never to be mistaken for another. `started` is in clock ticks since boot."""

    machine: str
    process_id: int
    started: int


def this_process() -> ProcessMark | None:
    """The mark of the calling process; None where the system does not tell enough."""
    machine, stat = this_machine(), _stat(os.getpid())
    return None if machine is None or stat is None else ProcessMark(machine, os.getpid(), int(stat[_START_FIELD]))


def this_machine() -> str | None:
    """Host name, boot and process table, separated by blanks; None where the system does not tell enough."""
    try:
        return f"{socket.gethostname()} {_BOOT_ID.read_text().strip()} {_OWN_TABLE.stat().st_ino}"
    except OSError:
        return None


def has_restarted(machine: str) -> bool:
    """Whether it is this machine before its last start: all its processes have ended."""
    then, now = machine.split()[:2], (this_machine() or "").split()[:2]
    return len(then) == len(now) == 2 and then[0] == now[0] and then[1] != now[1]


def is_near(mark: ProcessMark) -> bool:
    """Whether the process belongs, or belonged, to the process table that the caller sees."""
    return mark.machine == this_machine()


def has_ended(mark: ProcessMark) -> bool:
    """Whether the process has certainly ended; False also when that cannot be known from here."""
    if not is_near(mark):
        return False
    try:
        os.kill(mark.process_id, 0)  # sends nothing; answers also where /proc hides other users' processes
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    stat = _stat(mark.process_id)
    if stat is None:
        return False
    return int(stat[_START_FIELD]) != mark.started or (
        stat[_STATE_FIELD] in _ENDED_STATES and not _has_further_threads(mark.process_id)
    )


def _stat(process_id: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat behind the program's name, which may itself hold blanks and brackets."""
    try:
        return (_PROCESSES / str(process_id) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _has_further_threads(process_id: int) -> bool:
    """A process whose first thread ended looks like a zombie while its other threads work on."""
    try:
        return len(list((_PROCESSES / str(process_id) / "task").iterdir())) > 1
    except OSError:
        return True
