"""All comparisons at once. Reads only, and asks no API.

The lake is read first, as of one moment, then the outbox: what moved in between is newer in the outbox, and waits.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

from order_pipeline.operations.leases import lease_state
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.reconciliation.differences import Reconciliation
from order_pipeline.reconciliation.floor_readings import reconcile_floor
from order_pipeline.reconciliation.outbox_lines import read_lines_of, read_lines_since
from order_pipeline.reconciliation.pick_candidates import Candidate, read_candidates, reconcile_picks
from order_pipeline.reconciliation.published_lines import read_published_of, read_published_since, reconcile_copy
from order_pipeline.reconciliation.raw_records import reconcile_records
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Connection, Lake, relations

_PUBLISHED_UNTIL = "SELECT max(greatest(updated_at, coalesce(scanorders_read_at, updated_at))) FROM core.pick_status"


def reconcile_all(
    settings: Settings, lake: Lake, operations: OperationsStore, now: datetime, days: int | None = None
) -> Reconciliation:
    """Compare the places over the last days.

    Args:
        settings: which channels are on, and how many days are compared.
        lake: migrated.
        operations: its tables are made.
        now: the time.
        days: how many; None: `schedule.reconciled_days`.

    Raises:
        LakeError: the lake cannot be opened.
    """
    started = time.perf_counter()
    since = now.astimezone(UTC).date() - timedelta(days=(days or settings.schedule.reconciled_days) - 1)
    midnight = datetime.combine(since, datetime.min.time(), UTC)
    planned_at = _last_planned_at(operations, now)
    with lake.snapshot() as connection:
        existing = frozenset(relations(connection))
        records = reconcile_records(connection, settings.enabled_channels(), existing, since)
        candidates = _read_candidates(connection, existing, since)
        published = read_published_since(connection, midnight)
        ((published_until,),) = connection.execute(_PUBLISHED_UNTIL).fetchall()
        outbox = read_lines_since(operations, midnight)
        wanted = {*outbox, *(each[0] for each in candidates)}
        published |= read_published_of(connection, wanted - published.keys())
    outbox |= read_lines_of(operations, (wanted | published.keys()) - outbox.keys())
    comparisons = [
        records,
        reconcile_picks(candidates, outbox, published.keys(), planned_at),
        reconcile_copy(outbox, published, published_until),
        reconcile_floor(outbox.values()),
    ]
    return Reconciliation(since, comparisons, time.perf_counter() - started)


def _last_planned_at(operations: OperationsStore, now: datetime) -> datetime | None:
    """When the last emission began, which reads the list of picks afterwards; None: none, or one is under way."""
    lease = lease_state(operations, LEASE_NAME)
    return None if lease is None or lease.expires_at > now else lease.acquired_at


def _read_candidates(connection: Connection, existing: frozenset[str], since: date) -> list[Candidate]:
    needed = {"marts.pick_candidates", "marts.pick_lines", "marts.picks_elsewhere"}
    return read_candidates(connection, since) if needed <= existing else []
