"""Holds a channel's pool while it is read, also against runs that Dagster's queue does not start.

The daemon starts no run while another of the pool is under way, whoever began that one. A run of the command line
asks no queue: it would read beside the daemon's, and both would spend one rate budget. So whoever reads holds a lease
of the operations store meanwhile, and the next one waits, on whatever machine. Where a person gave the pool more than
one place, Dagster's count alone holds.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from order_pipeline.operations.leases import (
    Lease,
    LeaseHeldError,
    LeaseLostError,
    acquire,
    describe_holder,
    release,
    renew,
)
from order_pipeline.operations.store import OperationsStore

LEASE_SECONDS = 120.0
"""After so long the pool of a machine that was switched off is free."""
RENEWED_EVERY = 30.0
ASKED_EVERY = 1.0
LONGEST_WAIT = 6 * 3600.0


@contextmanager
def alone_in_pool(
    instance: dg.DagsterInstance, store: OperationsStore, pool: str, run_id: str, say: Callable[[str], None]
) -> Generator[None]:
    """Hold the pool for the block, after the run that holds it now.

    Args:
        instance: says how many runs the pool admits.
        store: the operations store, made.
        pool: the channel's.
        run_id: of the run that reads.
        say: told once whom this run waits for.

    Raises:
        LeaseHeldError: the other one went on for six hours.
    """
    if _places(instance, pool) != 1:
        yield
        return
    lease = _wait_for(store, f"pool:{pool}", describe_holder(run_id), say)
    is_over = threading.Event()
    beats = threading.Thread(target=_keep, args=(store, lease, is_over, say), name=lease.name, daemon=True)
    beats.start()
    try:
        yield
    finally:
        is_over.set()
        beats.join()
        with suppress(SQLAlchemyError):  # it ends by itself
            release(store, lease)


def _places(instance: dg.DagsterInstance, pool: str) -> int | None:
    """How many runs the pool admits at once; None: any number."""
    limits = {each.name: each.limit for each in instance.event_log_storage.get_pool_limits() if not each.from_default}
    return limits.get(pool, instance.global_op_concurrency_default_limit)


def _wait_for(store: OperationsStore, name: str, holder: str, say: Callable[[str], None]) -> Lease:
    began, is_told = time.monotonic(), False
    while True:
        try:
            return acquire(store, name, holder, LEASE_SECONDS)
        except LeaseHeldError as error:
            if time.monotonic() - began > LONGEST_WAIT:
                raise
            if not is_told:
                say(f"another run reads this channel, and this one waits for it: {error}")
                is_told = True
            time.sleep(ASKED_EVERY)


def _keep(store: OperationsStore, lease: Lease, is_over: threading.Event, say: Callable[[str], None]) -> None:
    """Renew the lease until the block is over. Reading goes on without it: raw takes what is new, and only once."""
    while not is_over.wait(RENEWED_EVERY):
        try:
            with store.writing() as connection:
                renew(store, connection, lease)
        except LeaseLostError as error:
            say(f"another run may read this channel too: {error}")
            return
        except SQLAlchemyError:
            continue  # the store is away for a moment; the next one tries again
