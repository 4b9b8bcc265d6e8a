"""A build's input: the days' raw rows in bounded portions, and portions in steps that commit together.

A portion is whole days, or a share of one big day in which an order's rows stay together; its SQL stands where the
models say `source('raw', ...)`. A step is whole days. Numbers with more digits than DuckDB's JSON reader keeps are made
exact here. Does not belong here: what the SQL models make of the rows.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from order_pipeline.warehouse.current_versions import current_versions
from order_pipeline.warehouse.literals import date_list

PORTION_BYTES = 40_000_000
"""Payload bytes a portion aims at: parsed and typed they take about three times that, under the lake's memory limit."""

STEP_BYTES = 80_000_000
"""Payload bytes that are typed, kept and committed together. A day is never divided between steps."""

# DuckDB reads JSON numbers as doubles: exact up to 15 significant digits. More digits outside a string (the character
# before is no quote) may be a number that was rounded.
LONG_NUMBER = r"[:\[,\s]-?[0-9][0-9.eE+-]{15,}"
CURRENT = "_current"
_NO_ROWS = (
    "(SELECT NULL::VARCHAR AS record_id, NULL::DATE AS partition_day, NULL::VARCHAR AS content_sha256,"
    " NULL::VARCHAR AS payload, NULL::TIMESTAMPTZ AS fetched_at, NULL::TIMESTAMPTZ AS current_since,"
    " NULL::BIGINT AS sequence, NULL::VARCHAR AS run_id WHERE false)"
)


@dataclass(frozen=True, slots=True)
class Portion:
    """Whole days, or the share `bucket` of `buckets` of one day."""

    days: tuple[date, ...]
    bucket: int = 0
    buckets: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """Portions that are committed together: all rows of their days."""

    portions: tuple[Portion, ...]

    @property
    def days(self) -> tuple[date, ...]:
        """The step's days, in order."""
        return tuple(sorted({day for portion in self.portions for day in portion.days}))


@dataclass(frozen=True, slots=True)
class RawResource:
    """A raw table that a source's models read: whether it exists yet, and what keeps an order's rows together."""

    source: str
    name: str
    exists: bool
    bucket_key: str = "record_id"

    @property
    def table(self) -> str:
        """The qualified name of its table in the lake."""
        return f"raw.{self.source}_{self.name}"


def plan_steps(
    connection: duckdb.DuckDBPyConnection,
    resources: Collection[RawResource],
    days: Sequence[date],
    *,
    portion_bytes: int = PORTION_BYTES,
    step_bytes: int = STEP_BYTES,
) -> list[Step]:
    """Divide the days so that portions and steps are not much larger than their aims.

    Args:
        connection: on the lake.
        resources: what the source's models read.
        days: the days to build.
        portion_bytes: aim of a portion; sizes are estimated from row counts and a sample of each table.
        step_bytes: aim of a step.
    """
    steps: list[Step] = []
    portions: list[Portion] = []
    together: list[date] = []
    step_size = portion_size = 0.0
    for day, size in _sizes(connection, resources, days).items():
        if portion_size + size > portion_bytes and together:
            portions.append(Portion(tuple(together)))
            together, portion_size = [], 0.0
        if step_size + size > step_bytes and (portions or together):
            portions += [Portion(tuple(together))] if together else []
            steps.append(Step(tuple(portions)))
            portions, together, step_size, portion_size = [], [], 0.0, 0.0
        step_size += size
        if size > portion_bytes:
            buckets = int(size // portion_bytes) + 1
            portions += [Portion((day,), bucket, buckets) for bucket in range(buckets)]
        else:
            together.append(day)
            portion_size += size
    portions += [Portion(tuple(together))] if together else []
    return [*steps, Step(tuple(portions))] if portions else steps


def _sizes(
    connection: duckdb.DuckDBPyConnection, resources: Collection[RawResource], days: Sequence[date]
) -> dict[date, float]:
    sizes = dict.fromkeys(sorted(days), 0.0)
    for resource in resources:
        if not resource.exists:
            continue
        sampled = connection.execute(
            f"SELECT avg(strlen(payload)) FROM (SELECT payload FROM {resource.table} LIMIT 200)"
        ).fetchone()
        average = float(sampled[0] or 0) if sampled else 0.0
        counted = connection.execute(
            f"SELECT partition_day, count(*) FROM {resource.table}"
            f" WHERE partition_day IN ({date_list(days)}) GROUP BY partition_day"
        ).fetchall()
        for day, rows in counted:
            sizes[day] += rows * average
    return sizes


def portion_sources(
    resources: Collection[RawResource], portion: Portion, exact_payloads: str | None = None
) -> dict[tuple[str, str], str]:
    """SQL that stands for `source('raw', table)` and `source('raw', table || '_current')` in a portion.

    Args:
        resources: what the source's models read.
        portion: which rows.
        exact_payloads: relation (record_id, content_sha256, payload) of payloads that replace the stored ones.
    """
    relations: dict[tuple[str, str], str] = {}
    for resource in resources:
        name = f"{resource.source}_{resource.name}"
        if not resource.exists:
            relations["raw", name] = relations["raw", name + CURRENT] = _NO_ROWS
            continue
        in_days = f"partition_day IN ({date_list(portion.days)})"
        versions = {
            name: f"SELECT * FROM {resource.table} WHERE {in_days}",
            name + CURRENT: current_versions(resource.source, resource.name, portion.days),
        }
        for table, sql in versions.items():
            selected = sql
            if portion.buckets > 1:
                in_bucket = f"hash({resource.bucket_key}) % {portion.buckets} = {portion.bucket}"
                selected = f"SELECT * FROM ({selected}) WHERE {in_bucket}"
            if exact_payloads:
                selected = (
                    "SELECT versions.* REPLACE (coalesce(exact.payload, versions.payload) AS payload)"
                    f" FROM ({selected}) AS versions LEFT JOIN {exact_payloads} AS exact"
                    " ON exact.record_id = versions.record_id AND exact.content_sha256 = versions.content_sha256"
                )
            relations["raw", table] = f"({selected})"
    return relations


def write_exact_payloads(
    connection: duckdb.DuckDBPyConnection, sources: Mapping[tuple[str, str], str], relation: str
) -> None:
    """Fill `relation` with the portion's payloads that hold a very long number, rewritten by `numbers_as_text`."""
    connection.execute(
        f"CREATE OR REPLACE TABLE {relation} (record_id VARCHAR, content_sha256 VARCHAR, payload VARCHAR)"
    )
    for (_, table), sql in sources.items():
        if table.endswith(CURRENT):
            continue
        suspects = connection.execute(
            f"SELECT record_id, content_sha256, payload FROM {sql} WHERE regexp_matches(payload, ?)", [LONG_NUMBER]
        ).fetchall()
        for record_id, sha256, payload in suspects:
            row = [record_id, sha256, numbers_as_text(payload)]
            connection.execute(f"INSERT INTO {relation} VALUES (?, ?, ?)", row)


def numbers_as_text(payload: str) -> str:
    """The same JSON with every number that is not an integer as a string of its own digits; no JSON stays as it is."""
    try:
        document = json.loads(payload, parse_float=str)
    except ValueError:
        return payload
    return json.dumps(document, ensure_ascii=False)
