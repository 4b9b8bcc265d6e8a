"""Keeps Dagster's own store small: runs that ended long ago go, with their events and logs.

A day stays green. Dagster knows that a partition is there by the event of its last materialisation, and Dagster's own
deletion of a run deletes that too. So a run of which such an event stands stays, and the event with it; of an old one
everything else goes. Of an asset check the last result stays, as the picks ask for it.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)

from order_pipeline.orchestration.origins import FOUND_TAG, NOTHING
from order_pipeline.settings import HistorySettings

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
RUNS_AT_ONCE = 500
_SHARD_SUFFIXES = (".db", ".db-wal", ".db-shm", ".db-journal")


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning did.

    Attributes:
        runs: deleted, with their events and logs.
        kept: old enough to go, and still the last to have materialised something: they lost the rest of their events.
    """

    runs: int
    kept: int


def prune_history(instance: dg.DagsterInstance, settings: HistorySettings, now: datetime) -> Pruned:
    """Delete finished runs that are older than the settings say, but for what assets still stand on.

    Args:
        instance: its event log is in a SQL database (SQLite, PostgreSQL, MySQL).
        settings: for how many days runs stay, and those that found nothing.
        now: aware.

    Raises:
        TypeError: the event log is no SQL database of Dagster's own.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(f"{type(storage).__name__} keeps the events: prune it by its own means.")
    oldest = set(_finished_before(instance, now - timedelta(days=settings.keep_days)))
    idle = set(_finished_before(instance, now - timedelta(days=settings.keep_idle_days), {FOUND_TAG: NOTHING}))
    standing = _runs_that_assets_stand_on(storage)
    for run_id in sorted((oldest | idle) - standing):
        _delete_events(instance, storage, run_id)
        instance.run_storage.delete_run(run_id)  # last: a pruning that was killed finds the run again
    for run_id in sorted(oldest & standing):
        _delete_events(instance, storage, run_id)
    _delete_check_results(storage, settings, now)
    return Pruned(runs=len((oldest | idle) - standing), kept=len(oldest & standing))


def _finished_before(
    instance: dg.DagsterInstance, moment: datetime, tags: dict[str, str] | None = None
) -> Iterator[str]:
    """The ids of runs that ended before the moment; with tags only those that have them and ended well."""
    statuses = [dg.DagsterRunStatus.SUCCESS] if tags else FINISHED
    wanted = dg.RunsFilter(statuses=statuses, created_before=moment, updated_before=moment, tags=tags)
    cursor: str | None = None
    while records := instance.get_run_records(wanted, limit=RUNS_AT_ONCE, cursor=cursor):
        yield from (record.dagster_run.run_id for record in records)
        cursor = records[-1].dagster_run.run_id


def _last_materialisations() -> sa.Select[tuple[int]]:
    """The event by which Dagster knows that an asset, or a partition of it, is there."""
    events = SqlEventLogStorageTable.c
    return (
        sa.select(sa.func.max(events.id))
        .where(events.dagster_event_type == dg.DagsterEventType.ASSET_MATERIALIZATION.value)
        .group_by(events.asset_key, events.partition)
    )


def _runs_that_assets_stand_on(storage: SqlEventLogStorage) -> set[str]:
    events = SqlEventLogStorageTable.c
    with storage.index_connection() as connection:
        found = sa.select(events.run_id).where(events.id.in_(_last_materialisations())).distinct()
        return set(connection.execute(found).scalars())


def _delete_events(instance: dg.DagsterInstance, storage: SqlEventLogStorage, run_id: str) -> None:
    """The run's events, results of checks and logs, but for what stands."""
    events, tags, checks = SqlEventLogStorageTable, AssetEventTagsTable, AssetCheckExecutionsTable
    with storage.index_connection() as connection:
        standing = list(
            connection.execute(
                sa.select(events.c.id).where(events.c.run_id == run_id, events.c.id.in_(_last_materialisations()))
            ).scalars()
        )
        gone = sa.select(events.c.id).where(events.c.run_id == run_id, events.c.id.not_in(standing))
        connection.execute(sa.delete(tags).where(tags.c.event_id.in_(gone)))
        connection.execute(sa.delete(events).where(events.c.run_id == run_id, events.c.id.not_in(standing)))
        connection.execute(_superseded_checks().where(checks.c.run_id == run_id))
    if isinstance(storage, SqliteEventLogStorage):  # it keeps all events of a run in a file of the run's own, too
        for suffix in _SHARD_SUFFIXES:
            Path(storage.path_for_shard(run_id)).with_suffix(suffix).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        instance.compute_log_manager.delete_logs(prefix=[run_id])


def _superseded_checks() -> sa.Delete:
    """Results of checks that have a later one."""
    checks = AssetCheckExecutionsTable.c
    last = sa.select(sa.func.max(checks.id)).group_by(checks.asset_key, checks.check_name)
    return sa.delete(AssetCheckExecutionsTable).where(checks.id.not_in(last))


def _delete_check_results(storage: SqlEventLogStorage, settings: HistorySettings, now: datetime) -> None:
    """Of runs that are gone: results that were the last ones then. Of all: rows that only planned a check.

    Dagster plans a check of a run over many days once a day of them, and never fills those rows.
    """
    checks = AssetCheckExecutionsTable.c
    with storage.index_connection() as connection:
        connection.execute(
            _superseded_checks().where(checks.create_timestamp < _stored(now - timedelta(days=settings.keep_days)))
        )
        connection.execute(
            _superseded_checks().where(
                checks.create_timestamp < _stored(now - timedelta(days=1)),
                checks.execution_status == AssetCheckExecutionRecordStatus.PLANNED.value,
                checks.partition.is_not(None),
            )
        )


def _stored(moment: datetime) -> datetime:
    """As the database's own clock writes it: UTC, naive."""
    return moment.astimezone(UTC).replace(tzinfo=None)
