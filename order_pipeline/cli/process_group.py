"""Runs a command as a process group, so that all its processes end together.

Dagster's UI is several processes. A service manager's stop, a closed terminal or Ctrl-C reaches only ours, and after
SIGKILL we can do nothing more. So a guardian process stands between: this module as a program. It ends the group when
its standard input ends, a pipe that we hold. The pipe ends when we close it, and when we are killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Thread

SECONDS_TO_STOP = 10.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PAUSE_SECONDS = 0.05


@contextlib.contextmanager
def stop_signals_interrupt() -> Iterator[None]:
    """Let every signal that asks a service to stop raise KeyboardInterrupt, so that blocks end in order.

    A signal that our caller told us to ignore (`nohup`) stays ignored.
    """
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ProcessGroup:
    """A command that runs with its guardian, in a session of its own: Ctrl-C in the terminal reaches us alone.

    Args:
        command: program and arguments.
        directory: where it runs.
        environment: its whole environment.
        patience: seconds between asking the group to end (SIGTERM) and killing what is left of it.
    """

    def __init__(
        self, command: Sequence[str], directory: Path, environment: Mapping[str, str], patience: float = SECONDS_TO_STOP
    ) -> None:
        self._guardian = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "order_pipeline.cli.process_group", str(patience), *command],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def guardian_id(self) -> int:
        """The guardian's process id."""
        return self._guardian.pid

    def wait(self) -> int:
        """Wait until the command has ended, and all its processes with it; its exit code."""
        return self._guardian.wait()

    def begin_to_end(self) -> None:
        """Ask the group to end; `wait` says when it has."""
        if self._guardian.stdin:
            self._guardian.stdin.close()


def run_process_group(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], *, patience: float = SECONDS_TO_STOP
) -> int:
    """Run a command until it ends, or until an interrupt ends it; none of its processes is left behind.

    Args: those of `ProcessGroup`.

    Returns:
        the command's exit code; 0 when it was interrupted, which is how a service is meant to end.
    """
    group = ProcessGroup(command, directory, environment, patience)
    try:
        return group.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        group.begin_to_end()
        with contextlib.suppress(KeyboardInterrupt):  # a second one does not wait; the guardian finishes
            group.wait()


def guard(patience: float, command: Sequence[str]) -> int:
    """The guardian's side of a `ProcessGroup`: runs the command; ends its group with it, or when the input ends.

    Its exit code is the command's, or 128 and the number of the signal that killed it, as shells have it.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603

    def end_with_input() -> None:
        while os.read(sys.stdin.fileno(), 1):  # unbuffered: a thread in a buffered read would not let the process end
            pass
        _end(child, patience)

    Thread(target=end_with_input, daemon=True).start()
    try:
        code = child.wait()
    except KeyboardInterrupt:
        return 0
    else:
        return code if code >= 0 else 128 - code
    finally:
        _end(child, patience)


def _end(child: subprocess.Popen[bytes], patience: float) -> None:
    """Ask every process of the child's group to end, wait, and kill the rest; a second interrupt does not wait."""
    with contextlib.suppress(KeyboardInterrupt):
        _signal_group(child.pid, signal.SIGTERM)
        _wait_for_group(child, patience)
    _signal_group(child.pid, signal.SIGKILL)
    with contextlib.suppress(KeyboardInterrupt):
        _wait_for_group(child, patience)


def _signal_group(group: int, number: int) -> bool:
    """Whether the group still had a process to signal; signal 0 only asks."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _wait_for_group(child: subprocess.Popen[bytes], patience: float) -> None:
    """Wait until the group is empty, by polling: no system call reports the end of a grandchild."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        child.poll()  # takes its exit code; until then it would count as left
        if not _signal_group(child.pid, 0):
            return
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    with stop_signals_interrupt():
        sys.exit(guard(float(sys.argv[1]), sys.argv[2:]))
