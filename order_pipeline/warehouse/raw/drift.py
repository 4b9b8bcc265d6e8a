"""Drift: keys in what a channel sent that its contract does not name. They are kept in raw and read by nobody.

The source's model `stg_<source>__unknown_keys` knows which keys are known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.literals import date_list
from order_pipeline.warehouse.lake.memory import MemoryLimitError
from order_pipeline.warehouse.sql.project import SqlProject

# Some 50 MB of orders, looked at in a second.
MOST_RECORDS = 10_000


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A key of the records of `resource`: the place of its object as a JSON path, and how many versions have it."""

    resource: str
    place: str
    key: str
    observations: int


class DriftUnknownError(RuntimeError):
    """The records could not be looked at; the message is the kind of trouble."""


def find_unknown_keys(
    lake: Lake, project: SqlProject, source: str, days: Collection[date], *, most_records: int = MOST_RECORDS
) -> list[UnknownKey]:
    """The keys that stand in raw versions of the days and not in the contract, most frequent first.

    Args:
        lake: migrated; the source's raw tables exist.
        project: the SQL project.
        source: the channel; without a model of unknown keys it has none.
        days: partition days; the views over everything would read every payload there is.
        most_records: of a resource with more versions, a random sample of so many is looked at.

    Raises:
        DriftUnknownError: DuckDB could not look, for want of memory for example; nothing of the payloads is in it.
    """
    model = f"stg_{source}__unknown_keys"
    if model not in project.models:
        return []
    raw = sorted(project.sources_of([model]))
    looked_at = {(schema, table): f"temp.looked_at_{table}" for schema, table in raw}
    counted = project.render(model, source=looked_at).sql
    try:
        return _count(lake, counted, {f"{schema}.{table}": table for schema, table in raw}, days, most_records)
    except (duckdb.Error, MemoryLimitError) as error:
        raise DriftUnknownError(type(error).__name__) from error


def _count(
    lake: Lake, counted: str, raw: Mapping[str, str], days: Collection[date], most_records: int
) -> list[UnknownKey]:
    with lake.snapshot() as connection:
        for relation, name in raw.items():
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE looked_at_{name} AS"
                f" SELECT record_id, partition_day, fetched_at, payload FROM {relation}"
                f" WHERE partition_day IN ({date_list(days)}) USING SAMPLE reservoir({int(most_records)} ROWS)"
            )
        rows = connection.execute(
            f"SELECT resource, container, key_name, sum(observations)::BIGINT FROM (\n{counted}\n)"
            " GROUP BY ALL ORDER BY 4 DESC, 1, 2, 3"
        ).fetchall()
        for name in raw.values():
            connection.execute(f"DROP TABLE temp.looked_at_{name}")
    return [UnknownKey(*row) for row in rows]
