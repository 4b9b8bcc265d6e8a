"""One emission in a process of its own, which may kill itself at a named boundary.

The processes come from a fork server that has imported everything: they are as real as any (own memory, own sockets,
own SQLite connections), and cost a few milliseconds instead of a second.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.destinations.settings import FloorSettings, ScanOrdersSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.sending import emission
from order_pipeline.settings import PickingSettings, Settings
from order_pipeline_tests.picking.crash import mutants
from order_pipeline_tests.waiting import PATIENCE_SECONDS

LEASE_SECONDS = 60
IN_FLIGHT = 2
TIME_OUT_SECONDS = 0.25

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["order_pipeline_tests.picking.crash.children"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a child does. `kill_at` and `hit`: die when this boundary is reached for the hit-th time.

    `hours_later` moves the child's clock, so that the leases of living emitters have expired for it. With a
    `north_token` there is a second floor.
    """

    folder: str
    base_url: str
    token: str
    rows: Sequence[Mapping[str, Any]]
    run_id: str
    kill_at: str | None = None
    hit: int = 1
    hours_later: int = 0
    time_out_seconds: float = PATIENCE_SECONDS
    mutant: str | None = None
    north_token: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: killed, or with a report, or with an error (its class name)."""

    killed: bool
    report: dict[str, Any] | None = None
    error: str | None = None


def settings_of(job: Job) -> Settings:
    """Sending for real, quickly, two lines at a time."""
    return Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data_dir=Path(job.folder),
        picking=PickingSettings(lease_seconds=LEASE_SECONDS),
        **two_floors(job.north_token) if job.north_token else {},
        scanorders=ScanOrdersSettings(
            base_url=job.base_url,
            access_token=SecretStr(job.token),
            send=True,
            rate=RateSettings(
                max_in_flight=IN_FLIGHT,
                attempts=2,
                backoff_cap_seconds=0.001,
                read_timeout_seconds=job.time_out_seconds,
            ),
        ),
    )


def two_floors(north_token: str) -> dict[str, Any]:
    """Settings that make the floor `north` beside `main`."""
    return {
        "floors": {"north": FloorSettings(access_token=SecretStr(north_token))},
        "kibo": KiboSettings(locations={"110452": "main", "110453": "north"}),
    }


def store_of(job: Job) -> OperationsStore:
    """The job's operations store, seen at the job's hour."""
    later = timedelta(hours=job.hours_later)
    return OperationsStore(settings_of(job).resolved_operations_url, clock=lambda: datetime.now(UTC) + later)


class SuicideAt:
    """A boundary hook that kills its process, without any farewell, at the hit-th visit of one boundary."""

    def __init__(self, name: str | None, hit: int) -> None:
        self._name = name
        self._left = hit

    def __call__(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _emit(job: Job, outbound: Connection) -> None:
    try:
        with mutants.applied(job.mutant):
            report = emission.emit(
                settings_of(job),
                store_of(job),
                lambda: PickList(rows=job.rows, snapshot_id=1),
                run_id=job.run_id,
                boundary=SuicideAt(job.kill_at, job.hit),
            )
        outbound.send(Ending(killed=False, report=asdict(report)))
    except Exception as error:  # noqa: BLE001  the parent decides what an error means
        outbound.send(Ending(killed=False, error=type(error).__name__))


class Child:
    """A running emission; `ending()` waits for it."""

    def __init__(self, job: Job) -> None:
        self._inbound, outbound = _processes.Pipe(duplex=False)
        self._process = _processes.Process(target=_emit, args=(job, outbound), daemon=True)
        self._process.start()
        outbound.close()

    @property
    def process_id(self) -> int:
        """The process's id."""
        if self._process.pid is None:
            raise RuntimeError("the process was not started")
        return self._process.pid

    def kill(self) -> None:
        """Kill it from outside, wherever it is."""
        self._process.kill()

    def ending(self) -> Ending:
        """How it ended; a child that hangs is an error of the emitter."""
        try:
            ending = (
                self._inbound.recv() if self._inbound.poll(PATIENCE_SECONDS) else Ending(killed=False, error="hangs")
            )
        except EOFError:
            ending = Ending(killed=True)
        self._process.kill()
        self._process.join()
        return ending


def run(job: Job) -> Ending:
    """Run one emission to its end."""
    return Child(job).ending()
