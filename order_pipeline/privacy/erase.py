"""Erases one person, in an order in which every step can be repeated after a kill.

First the records are noted, so that what arrives from then on is erased on arrival. Then the places that are searched
by what the records say (logs, Dagster, operations store), while they still say it. Then the lake in one transaction,
then its files. Ids, numbers, amounts and states stay, so no total changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from order_pipeline.operations.leases import Lease, acquire, describe_holder, release, renew
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.privacy import files, operations_rows
from order_pipeline.privacy.columns import personal_columns
from order_pipeline.privacy.lake_rows import days_of, erase_rows, look_at
from order_pipeline.privacy.requests import Erasure, begin, finish
from order_pipeline.privacy.search import DAGSTER, TEXTS, needles_of
from order_pipeline.privacy.subjects import Record, Subject, by_source, hash_key
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.build import build_core
from order_pipeline.warehouse.core.build_files import remove_leftovers, running_builds
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.forgetting import forget_free_pages, forget_replaced_rows, forget_statistics
from order_pipeline.warehouse.sql.project import SqlProject

LEASE_SECONDS = 600.0
RUN_ID = "privacy"
BOUNDARIES = ("begun", "texts", "operations", "rows", "core", "files", "statistics", "pages")
"""The moments at which tests kill an erasure."""


class BuildRunsError(RuntimeError):
    """A build of core reads the files that would be removed; nothing was done."""

    next_step = "Wait until it has ended (order-pipeline status), then run the same command again."


@dataclass(slots=True)
class Erased:
    """What was rewritten, by place; records that are erased now and on arrival; days that could not be built."""

    places: Counter[str] = field(default_factory=Counter[str])
    records: int = 0
    failed_days: dict[str, Mapping[date, str]] = field(default_factory=dict[str, Mapping[date, str]])


def erase(  # noqa: PLR0917 - what it works on, whom, who asked and why
    settings: Settings,
    store: OperationsStore,
    lake: Lake,
    project: SqlProject,
    subject: Subject,
    requested_by: str,
    reason: str,
    *,
    boundary: Callable[[str], None] = lambda _name: None,
) -> Erased:
    """Erase the person from every place that the pipeline knows.

    Args:
        settings: that name the stores.
        store: the operations store, its tables made.
        lake: migrated.
        project: the SQL that builds core of the person's days again.
        subject: whom.
        requested_by: who asked; kept.
        reason: why; kept.
        boundary: for tests.

    Raises:
        LeaseHeldError: an emission is at work; nothing was done.
        BuildRunsError: a build is at work; nothing was done.
        LakeBusyError: another writer held the lake too long; run it again.
    """
    if running_builds(lake):
        raise BuildRunsError("A build of core is at work.")
    lease = acquire(store, LEASE_NAME, describe_holder(RUN_ID), LEASE_SECONDS)
    try:
        remove_leftovers(lake)
        subject_hash = subject.hashed(hash_key(settings.data_dir))
        waiting = operations_rows.find_events(store, subject)
        erasure = begin(lake, subject, subject_hash, requested_by, reason, waiting=waiting)
        erased = Erased(records=len(erasure.records))
        boundary("begun")
        if erasure.records:
            _erase_records(_Work(settings, store, lake, project, lease, boundary), subject, erasure, erased)
        finish(lake, erasure)
    finally:
        release(store, lease)
    return erased


@dataclass(frozen=True, slots=True)
class _Work:
    """What every step of one erasure needs."""

    settings: Settings
    store: OperationsStore
    lake: Lake
    project: SqlProject
    lease: Lease
    boundary: Callable[[str], None]

    def done(self, step: str) -> None:
        """A step is done: no emission may have begun meanwhile."""
        with self.store.writing() as connection:
            renew(self.store, connection, self.lease)
        self.boundary(step)


def _erase_records(work: _Work, subject: Subject, erasure: Erasure, erased: Erased) -> None:
    lake, records = work.lake, erasure.records
    with lake.snapshot() as connection:
        rows = look_at(connection, records)
    needles = needles_of(subject, rows, operations_rows.texts_of_events(work.store, records))
    erased.places[DAGSTER] = sum(files.erase_database(each, needles) for each in files.databases(work.settings))
    erased.places[TEXTS] = sum(files.erase_text(each, needles) for each in files.texts(work.settings))
    work.done("texts")
    erased.places += operations_rows.erase_operations(work.store, records, rows.orders, needles)
    work.done("operations")
    erased.places += erase_rows(lake, records)
    work.done("rows")
    erased.failed_days = _build(work, records)
    work.done("core")
    with lake.snapshot() as connection:
        columns = personal_columns(connection)
    forget_replaced_rows(lake, sorted(columns))
    work.done("files")
    forget_statistics(lake, columns)
    work.done("statistics")
    forget_free_pages(lake)
    operations_rows.forget_free_pages(work.store)
    work.done("pages")


def _build(work: _Work, records: frozenset[Record]) -> dict[str, Mapping[date, str]]:
    """Build the days of core again: what stands in none of its personal columns (`extras`) leaves by that."""
    failed: dict[str, Mapping[date, str]] = {}
    for source, ids in by_source(records).items():
        with work.lake.snapshot() as connection:
            days = days_of(connection, source, ids)
        if days:
            result = build_core(work.lake, source, days, RUN_ID, project=work.project, most_owed=0)
            if result.failed_days:
                failed[source] = result.failed_days
    return failed
