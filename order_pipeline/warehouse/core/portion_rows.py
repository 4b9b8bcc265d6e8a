"""A portion's raw rows: the SQL that stands where the models say `source('raw', ...)`.

Numbers with more digits than DuckDB's JSON reader keeps are made exact here. Does not belong here: which rows are in a
portion (see `batches`), and what the SQL models make of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date

import duckdb

from order_pipeline.warehouse.core.batches import Portion, RawResource
from order_pipeline.warehouse.lake.connection import looking_in, snapshot_id
from order_pipeline.warehouse.lake.literals import date_list, quoted
from order_pipeline.warehouse.raw.versions import current_versions, has_one_version_each

# DuckDB reads JSON numbers as doubles: exact up to 15 significant digits. More digits outside a string (the character
# before is no quote) may be a number that was rounded.
LONG_NUMBER = r"[:\[,\s]-?[0-9][0-9.eE+-]{15,}"
CURRENT = "_current"
_NO_ROWS = (
    "(SELECT NULL::VARCHAR AS record_id, NULL::DATE AS partition_day, NULL::VARCHAR AS content_sha256,"
    " NULL::VARCHAR AS payload, NULL::TIMESTAMPTZ AS fetched_at, NULL::TIMESTAMPTZ AS current_since,"
    " NULL::BIGINT AS sequence, NULL::VARCHAR AS run_id WHERE false)"
)


def portion_sources(
    connection: duckdb.DuckDBPyConnection,
    resources: Collection[RawResource],
    portion: Portion,
    place: str,
    exact_payloads: str | None = None,
) -> dict[tuple[str, str], str]:
    """SQL that stands for `source('raw', table)` and `source('raw', table || '_current')` in a portion.

    Where each record has one version, the current rows are the table's own as of that snapshot: models parse them as
    they come from disk. Otherwise they are put into a table first, as parsing JSON behind a join costs twice.

    Args:
        connection: on the lake; sees `place`.
        resources: what the source's models read.
        portion: which rows.
        place: `catalog.schema` for tables of current rows.
        exact_payloads: relation (record_id, content_sha256, payload) of payloads that replace the stored ones.
    """
    relations: dict[tuple[str, str], str] = {}
    for resource in resources:
        name = f"{resource.source}_{resource.name}"
        if not resource.exists:
            relations["raw", name] = relations["raw", name + CURRENT] = _NO_ROWS
            continue
        as_of = "" if resource.single_as_of is None else f" AT (VERSION => {resource.single_as_of})"
        versions = _replaced(
            f"SELECT *, fetched_at AS current_since FROM {resource.table}{as_of}"
            f" WHERE partition_day IN ({date_list(portion.days)}) AND {_in_share(portion)}",
            exact_payloads,
        )
        relations["raw", name] = relations["raw", name + CURRENT] = f"({versions})"
        if resource.single_as_of is None:
            general = current_versions(resource.source, resource.name, portion.days)
            selected = _replaced(f"SELECT * FROM ({general}) WHERE {_in_share(portion)}", exact_payloads)
            with looking_in(connection, "lake"):
                connection.execute(f"CREATE OR REPLACE TABLE {place}.{name}{CURRENT} AS {selected}")
            relations["raw", name + CURRENT] = f"{place}.{name}{CURRENT}"
    return relations


def find_single(
    connection: duckdb.DuckDBPyConnection, resources: Collection[RawResource], days: Collection[date]
) -> tuple[RawResource, ...]:
    """The resources, those whose records of these days have one version each marked with the snapshot that shows it."""
    snapshot = snapshot_id(connection)
    with looking_in(connection, "lake"):
        return tuple(
            replace(resource, single_as_of=snapshot)
            if resource.exists and has_one_version_each(connection, resource.source, resource.name, days)
            else resource
            for resource in resources
        )


def _in_share(portion: Portion) -> str:
    bounds = {">=": portion.first, "<": portion.end}
    conditions = [f"record_id {is_to} {quoted(bound)}" for is_to, bound in bounds.items() if bound is not None]
    return " AND ".join(conditions) or "true"


def _replaced(versions: str, exact_payloads: str | None) -> str:
    if exact_payloads is None:
        return versions
    return (
        "SELECT versions.* REPLACE (coalesce(exact.payload, versions.payload) AS payload)"
        f" FROM ({versions}) AS versions LEFT JOIN {exact_payloads} AS exact"
        " ON exact.record_id = versions.record_id AND exact.content_sha256 = versions.content_sha256"
    )


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
