"""Keeps several commands running, each with its processes: one that ends is started again, and it is said which.

One that ends again and again is not saved by one more start: then all are stopped, and whoever started us (systemd, a
container's restart policy, a person) sees an exit code that is not 0. Waits grow from one start to the next.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

from order_pipeline.cli.process_group import ProcessGroup

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RestartRule:
    """How often one command may end before all are stopped, and how long its next start waits.

    Attributes:
        most_ends: so many ends within `within_seconds` are too many.
        within_seconds: the time in which they count.
        first_wait_seconds: before the first new start; doubled with each end that counts, up to `longest_wait_seconds`.
        longest_wait_seconds: no wait is longer.
    """

    most_ends: int = 5
    within_seconds: float = 600.0
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0


@dataclass(slots=True)
class Service:
    """One command, and how it stands. Read by the health endpoint while the supervisor's thread writes.

    `guardian_id` is the process id of its guardian; None while it waits for its next start. `ends` counts all of them.
    """

    name: str
    command: Sequence[str]
    guardian_id: int | None = None
    started_at: datetime | None = None
    ends: int = 0
    last_end: str = ""
    _group: ProcessGroup | None = None
    _recent: deque[float] = field(default_factory=deque[float])

    def start(self, directory: Path, environment: Mapping[str, str], ended: queue.Queue[tuple[Service, int]]) -> None:
        """Start the command; its end will be put into the queue with its exit code."""
        group = self._group = ProcessGroup(self.command, directory, environment)
        self.guardian_id, self.started_at = group.guardian_id, datetime.now(UTC)
        Thread(target=lambda: ended.put((self, group.wait())), name=f"wait for {self.name}", daemon=True).start()

    def note_end(self, code: int, rule: RestartRule) -> float | None:
        """Note that it ended; the seconds until it shall start again, or None when it ended too often."""
        self.guardian_id, self._group = None, None
        self.ends += 1
        self.last_end = f"killed by signal {code - 128}" if code > 128 else f"exit code {code}"
        now = time.monotonic()
        self._recent.append(now)
        while self._recent[0] < now - rule.within_seconds:
            self._recent.popleft()
        if len(self._recent) >= rule.most_ends:
            return None
        return min(rule.first_wait_seconds * 2 ** (len(self._recent) - 1), rule.longest_wait_seconds)

    def begin_to_end(self) -> None:
        """Ask it to end; `wait_for_end` waits."""
        if self._group is not None:
            self._group.begin_to_end()

    def wait_for_end(self) -> None:
        """Wait until none of its processes is left."""
        if self._group is not None:
            self._group.wait()


def keep_running(
    services: Sequence[Service],
    directory: Path,
    environment: Mapping[str, str],
    say: Say,
    rule: RestartRule | None = None,
) -> int:
    """Run all services until an interrupt, or until one of them ends too often; none of their processes is left.

    Args:
        services: what to run.
        directory: where they run.
        environment: their whole environment.
        say: told in a line of every start and end.
        rule: when to give up.

    Returns:
        0 after an interrupt, which is how a service is meant to end; 1 when it gave up.
    """
    rule = rule or RestartRule()
    ended: queue.Queue[tuple[Service, int]] = queue.Queue()
    with _stopped_at_the_end(services, say):
        for service in services:
            service.start(directory, environment, ended)
            say(f"{service.name}: started")
        due: dict[float, Service] = {}
        while True:
            until = min(due, default=None)
            try:
                service, code = ended.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
            except queue.Empty:
                service = due.pop(min(due))
                service.start(directory, environment, ended)
                say(f"{service.name}: started again")
                continue
            wait = service.note_end(code, rule)
            if wait is None:
                say(f"{service.name}: ended ({service.last_end}) {rule.most_ends} times; everything is stopped")
                return 1
            say(f"{service.name}: ended ({service.last_end}); starts again in {wait:g} s")
            due[time.monotonic() + wait] = service
    return 0


@contextlib.contextmanager
def _stopped_at_the_end(services: Sequence[Service], say: Say) -> Iterator[None]:
    """An interrupt ends the block as it should end; a second one does not wait for the processes."""
    try:
        yield
    except KeyboardInterrupt:
        say("asked to stop")
    finally:
        for service in services:
            service.begin_to_end()
        with contextlib.suppress(KeyboardInterrupt):
            for service in services:
                service.wait_for_end()
        say("stopped")
