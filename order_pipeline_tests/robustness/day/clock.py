"""The simulated time of day of all processes of an installation: it runs on, and jumps ahead when it is told to.

It is never behind the machine's clock: what reads real times (a process's start, a file's) must not see the future.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")
_SECONDS = struct.Struct("=q")


def why_not_here() -> str | None:
    """Why no clock can be simulated on this machine; None: it can."""
    if sys.platform != "linux":
        return "the clock is simulated on Linux only"
    return None if shutil.which("cc") else "a C compiler (cc) is needed: it makes the simulated clock"


class SimulatedClock:
    """The clock of all processes that are started with `environment`."""

    def __init__(self, directory: Path) -> None:
        """Compile the library into the directory; the clock shows the real time.

        Raises:
            CalledProcessError: the compiler refused; its message is on standard error.
        """
        self._library, self._file = directory / "clock.so", directory / "clock"
        command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(self._library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True)
        self._ahead = 0
        self._file.write_bytes(_SECONDS.pack(0))

    @property
    def environment(self) -> dict[str, str]:
        """What a process must have in its environment to live by this clock."""
        return {"LD_PRELOAD": str(self._library), "SIMULATED_CLOCK": str(self._file)}

    def now(self) -> datetime:
        """The simulated time, aware, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._ahead)

    def jump_to(self, moment: datetime) -> None:
        """Let it be that time, unless it is later already: a slow machine's step may have lasted longer."""
        ahead = int((moment - datetime.now(UTC)).total_seconds()) + 1
        if ahead > self._ahead:
            self._ahead = ahead
            with self._file.open("r+b") as file:  # in place: the processes have mapped it
                file.write(_SECONDS.pack(ahead))
