"""Dagster's event log in SQLite, which takes the events of many partitions in one transaction.

A run over a range of days has an event for each asset and day when it is planned, and another when it is materialised.
Dagster's own SQLite log opens three connections and waits for the disk three times for each of them.
`instance.prepare_dagster_home` names this class in `dagster.yaml`; files and tables are those of Dagster's own class.
"""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from dagster import EventLogEntry
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

from order_pipeline.orchestration.redacted_errors import redact_dagster

BATCH_SIZE_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
"""Dagster's own switch: how many events of one asset it hands over at once; without it, one at a time."""

EVENTS_AT_ONCE = 1000


class BatchedEventLogStorage(SqliteEventLogStorage):
    """Dagster's log of a file a run, with batches."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        redact_dagster()  # every process of Dagster opens its event log
        os.environ.setdefault(BATCH_SIZE_VARIABLE, str(EVENTS_AT_ONCE))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Dagster's way to make it."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Generator[Any]:
        """A commit does not wait for the disk: a power cut may cost the last events of a run, a killed process none."""
        with super()._connect(shard) as connection:
            connection.exec_driver_sql("PRAGMA synchronous = NORMAL")
            yield connection

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store what `store_event` would store for each, in one transaction for the run and one for the index."""
        rows = [(event, self._event_to_row(event)) for event in events]
        for run_id in dict.fromkeys(event.run_id for event in events):
            with self.run_connection(run_id) as connection:
                of_run = [row for event, row in rows if event.run_id == run_id]
                connection.execute(SqlEventLogStorageTable.insert(), of_run)
        indexed = [each for each in rows if each[0].dagster_event_type in ASSET_EVENTS | ASSET_CHECK_EVENTS]
        with self.index_transaction() as connection:
            found = [(event, _insert(connection, row)) for event, row in indexed]
            of_assets = [each for each in found if each[0].dagster_event_type in ASSET_EVENTS]
            self._store_asset_event_tags(
                connection, [event for event, _ in of_assets], [number for _, number in of_assets]
            )
            for event, number in _last_of_each_kind(of_assets):
                self._store_asset_event(connection, event, number)
        for event, number in found:  # each takes a connection of its own, one at a time
            if event.dagster_event_type in ASSET_CHECK_EVENTS:
                self.store_asset_check_event(event, number)


def _insert(connection: Any, row: dict[str, Any]) -> int:
    """Insert the event; its number."""
    return int(connection.execute(SqlEventLogStorageTable.insert(), row).inserted_primary_key[0])


def _last_of_each_kind(events: Sequence[tuple[EventLogEntry, int]]) -> list[tuple[EventLogEntry, int]]:
    """The last event of each asset and type: the asset's own row holds nothing of those before it."""
    last = {
        (event.get_dagster_event().asset_key, event.dagster_event_type): (event, number) for event, number in events
    }
    return list(last.values())
