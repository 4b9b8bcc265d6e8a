"""Leases with expiry and fence: one worker at a time per name, across processes and machines.

A lease is a row. Its holder writes the fence number with every durable change, in the same transaction. So a holder
that slept past its expiry and was replaced cannot write any more (`LeaseLostError`). The expiry only says when another
worker may take over: a holder that is late and was not replaced goes on. A holder whose process has certainly ended, as
seen from the same machine, is replaced at once. Of any other process nobody can know, so its expiry is waited for.
"""

from __future__ import annotations

import os
import socket
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from order_pipeline.operations.processes import ProcessMark, has_ended, is_near, this_process
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import lease_processes, leases

# Built once: it runs with every durable change of a worker.
_RENEW = (
    update(leases)
    .where(leases.c.name == bindparam("held_name"), leases.c.fence == bindparam("held_fence"))
    .values(expires_at=bindparam("until"))
)


class LeaseHeldError(RuntimeError):
    """Another worker holds the lease; nothing was done. The text names it and says when its lease ends."""


class LeaseLostError(RuntimeError):
    """The lease went to another worker meanwhile; the transaction that found out was rolled back."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A held lease: proof, by its fence number, of the right to write."""

    name: str
    holder: str
    fence: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LeaseState:
    """Who holds a lease, or held it last. A lease that was given back expired at that moment."""

    holder: str
    acquired_at: datetime
    expires_at: datetime


def lease_state(store: OperationsStore, name: str) -> LeaseState | None:
    """The lease as it stands; None: nobody ever took it."""
    query = select(leases.c.holder, leases.c.acquired_at, leases.c.expires_at).where(leases.c.name == name)
    with store.reading() as connection:
        row = connection.execute(query).first()
    return None if row is None else LeaseState(*row)


def describe_holder(run_id: str) -> str:
    """Who holds a lease: host, process and run, as told to whoever has to wait."""
    return f"{socket.gethostname()} pid {os.getpid()} run {run_id}"


def acquire(store: OperationsStore, name: str, holder: str, seconds: float) -> Lease:
    """Take the lease if it is free or expired, or if its holder was a process of this machine that ended.

    Raises:
        LeaseHeldError: another holder's lease has not expired, and it lives, or nobody here can tell.
    """
    try:
        with store.writing() as connection:
            return _take(store, connection, name, holder, seconds)
    except IntegrityError as error:  # PostgreSQL: two first-time takers inserted at once; the other one won
        message = f"The lease `{name}` was taken by another process at the same moment. Nothing was done."
        raise LeaseHeldError(message) from error


def _take(store: OperationsStore, connection: Connection, name: str, holder: str, seconds: float) -> Lease:
    now = store.now(connection)
    row = connection.execute(select(leases).where(leases.c.name == name).with_for_update()).mappings().first()
    if row is not None and row["expires_at"] > now:
        _require_dead_holder(connection, row)
    values = {"holder": holder, "acquired_at": now, "expires_at": now + timedelta(seconds=seconds)}
    fence = 1 if row is None else int(row["fence"]) + 1
    if row is None:
        connection.execute(insert(leases).values(name=name, fence=fence, **values))
    else:
        connection.execute(update(leases).where(leases.c.name == name).values(fence=fence, **values))
    _mark_process(connection, name, fence)
    return Lease(name, holder, fence, seconds)


def _require_dead_holder(connection: Connection, row: RowMapping) -> None:
    """Let a lease that has not expired be taken only from a process of this machine that certainly ended."""
    mark = _marked_process(connection, row["name"], row["fence"])
    if mark is not None and has_ended(mark):
        return
    lives = mark is not None and is_near(mark)
    raise LeaseHeldError(
        f"The lease `{row['name']}` is held by {row['holder']} until {row['expires_at']:%Y-%m-%d %H:%M:%S} UTC "
        f"(fence {row['fence']}). Nothing was done. "
        + ("That process is alive: wait for it." if lives else "Wait for it; if it died, the lease ends by itself.")
    )


def _marked_process(connection: Connection, name: str, fence: int) -> ProcessMark | None:
    columns = lease_processes.c
    query = select(columns.machine, columns.process_id, columns.started).where(
        columns.name == name, columns.fence == fence
    )
    row = connection.execute(query).first()
    return None if row is None else ProcessMark(*row)


def _mark_process(connection: Connection, name: str, fence: int) -> None:
    connection.execute(delete(lease_processes).where(lease_processes.c.name == name))
    mark = this_process()
    if mark is not None:
        connection.execute(insert(lease_processes).values(name=name, fence=fence, **asdict(mark)))


def renew(store: OperationsStore, connection: Connection, lease: Lease) -> None:
    """Extend the lease within the caller's transaction, and prove that it is still ours.

    Raises:
        LeaseLostError: another worker has it now; let the transaction roll back.
    """
    until = store.now(connection) + timedelta(seconds=lease.seconds)
    renewed = connection.execute(_RENEW, {"held_name": lease.name, "held_fence": lease.fence, "until": until})
    if renewed.rowcount != 1:
        message = f"The lease `{lease.name}` (fence {lease.fence}, {lease.holder}) was taken over by another worker."
        raise LeaseLostError(message)


def release(store: OperationsStore, lease: Lease) -> None:
    """Give the lease back at once, so that the next worker need not wait for its expiry. Harmless when already lost."""
    with store.writing() as connection:
        connection.execute(
            update(leases)
            .where(leases.c.name == lease.name, leases.c.fence == lease.fence)
            .values(expires_at=store.now(connection))
        )
