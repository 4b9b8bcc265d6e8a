"""Orders that are older than their channel's setting lose what is personal, each night, the oldest first.

The same rewriting as an erasure. Its files go with the nightly upkeep, which keeps replaced ones for some days: no
reader of an old snapshot is disturbed. Logs and Dagster's store have a retention of their own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from order_pipeline.operations.leases import acquire, describe_holder, release
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.privacy.erase import LEASE_SECONDS, RUN_ID
from order_pipeline.privacy.lake_rows import days_of, erase_rows, look_at
from order_pipeline.privacy.needles import Needles
from order_pipeline.privacy.operations_rows import erase_operations
from order_pipeline.privacy.requests import note_records
from order_pipeline.privacy.subjects import Record, raw_tables
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.build import build_core
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.raw.erased_records import RECORDS
from order_pipeline.warehouse.sql.project import SqlProject

RETENTION = "retention"
"""Under this instead of an erasure's id stand the records that only became old."""


@dataclass(slots=True)
class Retained:
    """What one night did, by place, and how many days of orders are left for the next nights."""

    places: Counter[str] = field(default_factory=Counter[str])
    records: int = 0
    days_left: int = 0


def erase_old_orders(
    settings: Settings, store: OperationsStore, lake: Lake, project: SqlProject, now: datetime
) -> Retained:
    """Erase the orders of each channel that are older than its `keep_personal_days`, at most a slice of days.

    Args:
        settings: each channel's says for how many days.
        store: the operations store.
        lake: migrated.
        project: the SQL that builds core of those days again.
        now: aware.

    Raises:
        LeaseHeldError: an emission is at work; the next night makes up for it.
    """
    retained = Retained()
    limits = {name: settings.of_channel(name).keep_personal_days for name in _channels(settings)}
    cutoffs = {name: (now - timedelta(days=days)).date() for name, days in limits.items() if days is not None}
    if not cutoffs:
        return retained
    lease = acquire(store, LEASE_NAME, describe_holder(RUN_ID), LEASE_SECONDS)
    try:
        for source, cutoff in cutoffs.items():
            _erase_days(_Stores(lake, store, project), source, cutoff, retained)
    finally:
        release(store, lease)
    return retained


@dataclass(frozen=True, slots=True)
class _Stores:
    lake: Lake
    operations: OperationsStore
    project: SqlProject


def _channels(settings: Settings) -> list[str]:
    return [channel.name for channel in settings.enabled_channels()]


def _erase_days(stores: _Stores, source: str, cutoff: date, retained: Retained) -> None:
    lake = stores.lake
    with lake.snapshot() as connection:
        by_day = _old_records(connection, source, cutoff)
    chosen = sorted(by_day)[: lake.settings.schedule.slice_days]
    records: set[Record] = {(source, record_id) for day in chosen for record_id in by_day[day]}
    retained.days_left += len(by_day) - len(chosen)
    if not records:
        return
    with lake.snapshot() as connection:
        orders = look_at(connection, records).orders
    retained.places += erase_operations(stores.operations, records, orders, Needles(frozenset()))
    retained.places += erase_rows(lake, records)
    with lake.snapshot() as connection:
        days = days_of(connection, source, {record_id for _, record_id in records})
    build_core(lake, source, days, RUN_ID, project=stores.project, most_owed=0)
    # Last: a night that was killed finds them again.
    note_records(lake, records, RETENTION)
    retained.records += len(records)


def _old_records(connection: Connection, source: str, cutoff: date) -> dict[date, set[str]]:
    """The records of days before the cutoff that are not erased yet, by day."""
    found: dict[date, set[str]] = {}
    for table, of in raw_tables(connection).items():
        if of != source:
            continue
        rows = connection.execute(
            f"SELECT DISTINCT partition_day, record_id FROM {table} WHERE partition_day < $1"
            f" AND record_id NOT IN (SELECT record_id FROM {RECORDS} WHERE source = $2)",
            [cutoff, source],
        ).fetchall()
        for day, record_id in rows:
            found.setdefault(day, set()).add(record_id)
    return found
