"""A build's input: the days' raw rows in bounded portions, each a set of scratch tables that replace `raw`.

A portion is whole days, or a share of one big day; rows of one order always land in the same portion. Numbers with more
digits than DuckDB's JSON reader keeps are made exact here. Does not belong here: what the SQL models make of the rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

PORTION_BYTES = 48_000_000
"""Payload bytes a portion aims at: parsed and typed they take about three times that, under the lake's memory limit."""

# DuckDB reads JSON numbers as doubles: exact up to 15 significant digits. More digits outside a string (the character
# before is no quote) may be a number that would be rounded.
LONG_NUMBER = r"[:\[,\s]-?[0-9][0-9.eE+-]{15,}"

_RAW_COLUMNS = (
    "record_id VARCHAR, partition_day DATE, content_sha256 VARCHAR, payload VARCHAR, fetched_at TIMESTAMPTZ,"
    " sequence BIGINT, run_id VARCHAR"
)


@dataclass(frozen=True, slots=True)
class Portion:
    """Whole days, or the share `bucket` of `buckets` of one day."""

    days: tuple[date, ...]
    bucket: int = 0
    buckets: int = 1


def plan_portions(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[str],
    days: Sequence[date],
    portion_bytes: int = PORTION_BYTES,
) -> list[Portion]:
    """Divide the days so that no portion's payloads are much larger than `portion_bytes`.

    Args:
        connection: on the lake.
        tables: existing raw tables, qualified.
        days: the days to build.
        portion_bytes: the aim; sizes are estimated from row counts and a sample of each table.
    """
    sizes = dict.fromkeys(sorted(days), 0.0)
    for table in tables:
        sampled = connection.execute(
            f"SELECT avg(strlen(payload)) FROM (SELECT payload FROM {table} LIMIT 200)"
        ).fetchone()
        average = float(sampled[0] or 0) if sampled else 0.0
        counted = connection.execute(
            f"SELECT partition_day, count(*) FROM {table}"
            " WHERE partition_day IN (SELECT unnest(?::DATE[])) GROUP BY partition_day",
            [list(days)],
        ).fetchall()
        for day, rows in counted:
            sizes[day] += rows * average
    portions: list[Portion] = []
    together: list[date] = []
    size_together = 0.0
    for day, size in sizes.items():
        if together and size_together + size > portion_bytes:
            portions.append(Portion(tuple(together)))
            together, size_together = [], 0.0
        if size > portion_bytes:
            buckets = int(size // portion_bytes) + 1
            portions.extend(Portion((day,), bucket, buckets) for bucket in range(buckets))
        else:
            together.append(day)
            size_together += size
    if together:
        portions.append(Portion(tuple(together)))
    return portions


def load_portion(
    connection: duckdb.DuckDBPyConnection,
    portion: Portion,
    *,
    place: str,
    source: str,
    tables: dict[str, str | None],
    bucket_keys: dict[str, str],
) -> dict[tuple[str, str], str]:
    """Copy a portion's raw rows into scratch tables; `source('raw', ...)` -> relation.

    Args:
        connection: on the lake, sees `place`.
        portion: which rows.
        place: `catalog.schema` of the scratch tables.
        source: the channel, the first part of its raw tables' names.
        tables: raw table's name -> its qualified name in the lake, None while it does not exist (then it is empty).
        bucket_keys: raw table's name -> SQL expression over its columns that is equal for all rows of one order.
    """
    reappearances = f"{place}.raw_reappearances"
    connection.execute(
        f"CREATE OR REPLACE TABLE {reappearances} AS SELECT * FROM raw.reappearances WHERE source = ?", [source]
    )
    relations = {("raw", "reappearances"): reappearances}
    for name, table in tables.items():
        relation = f"{place}.raw_{name}"
        relations["raw", name] = relation
        connection.execute(f"CREATE OR REPLACE TABLE {relation} ({_RAW_COLUMNS})")
        if table is None:
            continue
        bucket_key = bucket_keys.get(name, "record_id")
        in_bucket = f"AND hash({bucket_key}) % {portion.buckets} = {portion.bucket}" if portion.buckets > 1 else ""
        connection.execute(
            f"INSERT INTO {relation} BY NAME SELECT record_id, partition_day, content_sha256, payload, fetched_at,"
            f" sequence, run_id FROM {table} WHERE partition_day IN (SELECT unnest(?::DATE[])) {in_bucket}",
            [list(portion.days)],
        )
        _leave_out_moved(
            connection,
            relation,
            table,
            f"SELECT * FROM {reappearances} WHERE resource = '{name.removeprefix(source + '_')}'",
            portion.days,
        )
        _make_exact(connection, relation)
    return relations


def _leave_out_moved(
    connection: duckdb.DuckDBPyConnection, relation: str, table: str, reappearances: str, days: Sequence[date]
) -> None:
    """Remove records whose current version lies on a day outside the portion: that day's build has them."""
    connection.execute(
        f"""
        DELETE FROM {relation} WHERE record_id IN (
            SELECT record_id FROM (
                SELECT record_id, partition_day, sequence FROM {table}
                UNION ALL SELECT record_id, partition_day, sequence FROM ({reappearances})
            )
            WHERE record_id IN (SELECT record_id FROM {relation})
            GROUP BY record_id HAVING arg_max(partition_day, sequence) NOT IN (SELECT unnest(?::DATE[]))
        )
        """,
        [list(days)],
    )


def _make_exact(connection: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Rewrite payloads with very long numbers so that these are JSON strings, which are read digit by digit."""
    suspects = connection.execute(
        f"SELECT rowid, payload FROM {relation} WHERE regexp_matches(payload, ?)", [LONG_NUMBER]
    ).fetchall()
    for row, payload in suspects:
        connection.execute(f"UPDATE {relation} SET payload = ? WHERE rowid = ?", [numbers_as_text(payload), row])


def numbers_as_text(payload: str) -> str:
    """The same JSON with every number that is not an integer as a string of its own digits; other text as it is."""
    try:
        document = json.loads(payload, parse_float=str)
    except ValueError:
        return payload
    return json.dumps(document, ensure_ascii=False)
