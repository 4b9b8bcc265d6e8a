"""A process that waits with everything imported, and runs a channel's inbox job when a webhook comes.

A run that Dagster's queue starts takes 10 to 20 seconds to its first step: a look by the sensor, a place in the queue,
a new interpreter. Here the inbox is asked twice a second and the run begins at once; it is recorded like any other. The
channel's inbox sensor starts this process and says every half minute that it is still wanted (`inbox_sensor`). It ends
when it hears nothing any more, when the process of the sensor ends, or when the sensor is switched off.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import dagster as dg
import psutil
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorStatus
from dagster._core.storage.tags import SENSOR_NAME_TAG

from order_pipeline.channels import registry
from order_pipeline.operations import inbox
from order_pipeline.operations.leases import (
    Lease,
    LeaseHeldError,
    LeaseLostError,
    acquire,
    describe_holder,
    release,
    renew,
)
from order_pipeline.operations.store import OperationsStore, open_store
from order_pipeline.orchestration.inbox_job import build_inbox_job, inbox_job_name
from order_pipeline.orchestration.inbox_sensor import inbox_sensor_name
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.launch import run_job
from order_pipeline.orchestration.redacted_errors import redact_dagster
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.settings import Settings

LOG = logging.getLogger("order_pipeline.inbox")

SECONDS_BETWEEN_LOOKS = 0.5
WANTED_SECONDS = 150.0
"""So long it goes on without a word from the sensor, which speaks every half minute."""
LEASE_SECONDS = 90.0
PAUSES_AFTER_FAILURES = (5.0, 15.0, 60.0, 300.0)
"""Seconds until the next try after one failed run, after two, ...; the last one for all that follow."""
MOST_BYTES = 800_000_000
"""A process that has grown larger than this starts anew, between two runs."""


class Wanted:
    """Whether the sensor still wants this process: it writes a byte to our input now and then, and keeps it open."""

    def __init__(self, source: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Listen to the file descriptor `source` from now on."""
        self._clock = clock
        self.heard = clock()
        self._ended = threading.Event()
        threading.Thread(target=self._listen, args=(source,), daemon=True, name="wanted").start()

    def _listen(self, source: int) -> None:
        while os.read(source, 1):
            self.heard = self._clock()
        self._ended.set()

    def __bool__(self) -> bool:
        return not self._ended.is_set() and self._clock() - self.heard < WANTED_SECONDS

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the input ends."""
        self._ended.wait(seconds)


def watch(
    is_wanted: Callable[[], bool],
    wait: Callable[[float], None],
    has_waiting: Callable[[], bool],
    is_switched_on: Callable[[], bool],
    run: Callable[[], bool],
) -> None:
    """Run while something waits, and again, after a pause, what failed; until it is not wanted or switched off.

    A run that failed may have landed its events already, so it is tried again whether or not something waits.
    """
    failures = 0
    while is_wanted():
        if failures or has_waiting():
            if not is_switched_on():
                return
            failures = 0 if run() else failures + 1
        wait(
            PAUSES_AFTER_FAILURES[min(failures, len(PAUSES_AFTER_FAILURES)) - 1] if failures else SECONDS_BETWEEN_LOOKS
        )


def is_switched_on(instance: dg.DagsterInstance, sensor: str, *, by_default: bool) -> bool:
    """Whether the sensor is on: by a person's word in the UI, or else by the settings."""
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        if state.name == sensor and state.status is not InstigatorStatus.DECLARED_IN_CODE:
            return state.status is InstigatorStatus.RUNNING
    return by_default


def work(settings: Settings, name: str, wanted: Wanted) -> None:
    """Watch the channel's inbox with these settings."""
    channel = registry.channels()[name]
    if channel.webhook is None:
        raise ValueError(f"{name} has no webhooks")
    redact_dagster()
    pipeline = PipelineResource(settings)
    job = build_inbox_job(channel, channel.webhook.reading, [each.name for each in settings.enabled_channels()])
    definitions = dg.Definitions(jobs=[job], resources={"pipeline": pipeline})
    sensor = inbox_sensor_name(name)
    with open_instance(settings) as instance, open_store(settings.resolved_operations_url) as store:

        def run() -> bool:
            tags = {SENSOR_NAME_TAG: sensor}
            outcome = run_job(
                definitions, instance, inbox_job_name(name), command=f"order-pipeline webhooks watch {name}", tags=tags
            )
            if psutil.Process().memory_info().rss > MOST_BYTES:
                os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same program
            return outcome.success

        with watching(store, name, wanted) as still_watching:
            watch(
                lambda: bool(wanted),
                wanted.wait,
                lambda: still_watching() and inbox.has_pending(store, name),
                lambda: is_switched_on(instance, sensor, by_default=settings.schedule.is_on("inbox")),
                run,
            )


@contextmanager
def watching(store: OperationsStore, channel: str, wanted: Wanted) -> Generator[Callable[[], bool]]:
    """Hold the lease by which runs of the channel's own job know that they may leave the inbox to this process.

    Yields a function that renews it now and then, and says whether it is ours. Another worker, one that is ending, is
    waited for.
    """
    held: list[Lease] = []
    renewed_at = time.monotonic()

    def still_watching() -> bool:
        nonlocal renewed_at
        with suppress(LeaseHeldError, LeaseLostError):
            if not held:
                held.append(acquire(store, inbox.watchers_lease(channel), describe_holder("-"), LEASE_SECONDS))
            elif time.monotonic() - renewed_at > LEASE_SECONDS / 4:
                lease = held.pop()
                with store.writing() as connection:
                    renew(store, connection, lease)
                held.append(lease)
            else:
                return True
            renewed_at = time.monotonic()
            return True
        wanted.wait(SECONDS_BETWEEN_LOOKS)
        return False

    try:
        yield still_watching
    finally:
        for lease in held:
            release(store, lease)
