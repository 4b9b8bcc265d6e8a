"""Where a person's data stands now: counts by place, never a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from order_pipeline.operations.store import OperationsStore
from order_pipeline.privacy import files
from order_pipeline.privacy.lake_rows import PersonsRows, look_at
from order_pipeline.privacy.needles import Needles
from order_pipeline.privacy.old_files import old_files_with, statistics_with
from order_pipeline.privacy.operations_rows import erase_operations, find_events, texts_of_events
from order_pipeline.privacy.requests import PastRequest, past_requests
from order_pipeline.privacy.subjects import Subject, SubjectKind, find_records, hash_key
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.forgetting import inlined_rows

OLD_FILES = "files of old snapshots"
STATISTICS = "catalog: statistics"
DAGSTER = "Dagster's store"
TEXTS = "logs and other files"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        places: where -> rows, or files, that hold something personal of them; only those that do.
        records: records of raw that are theirs, erased ones too.
        inlined: rows of anybody that stand in the catalog itself; an erasure writes them to files first.
        requests: what was asked before for the same person.
    """

    places: Counter[str]
    records: int
    inlined: int
    requests: list[PastRequest]


def find(settings: Settings, store: OperationsStore, lake: Lake, subject: Subject) -> Found:
    """Look everywhere but in backups, which the pipeline does not know."""
    with lake.snapshot() as connection:
        records = find_records(connection, subject) | find_events(store, subject)
        rows = look_at(connection, records)
        needles = needles_of(subject, rows, texts_of_events(store, records))
        places = +rows.counts
        places[OLD_FILES] = old_files_with(lake, connection, needles)
        places[STATISTICS] = statistics_with(connection, needles)
        inlined = inlined_rows(connection)
        requests = past_requests(connection, [subject.hashed(hash_key(settings.data_dir))])
    places += erase_operations(store, records, rows.orders, needles, dry=True)
    places[DAGSTER] = sum(files.erase_database(each, needles, dry=True) for each in files.databases(settings))
    places[TEXTS] = sum(files.erase_text(each, needles, dry=True) for each in files.texts(settings))
    return Found(+places, len(records), inlined, requests)


def needles_of(subject: Subject, rows: PersonsRows, texts: set[str]) -> Needles:
    """The value that was given, and what the person's records and events say."""
    given = set[str]() if subject.kind is SubjectKind.ORDER else {subject.value.strip()}
    return Needles.of(rows.texts | texts | given)
