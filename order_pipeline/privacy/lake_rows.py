"""A person's rows in the lake: counted, and in one transaction rewritten without what is personal."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pyarrow as pa

from order_pipeline.channels.personal import ERASED
from order_pipeline.contracts import CORE_TABLES, MASK, table_contract
from order_pipeline.privacy.needles import full_names
from order_pipeline.privacy.subjects import Record, by_source, raw_tables
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.raw.erased_records import personal_keys
from order_pipeline.warehouse.raw.stale_partitions import mark_stale

_OF = "source = $1 AND list_contains($2::VARCHAR[], {}record_id)"


@dataclass(slots=True)
class PersonsRows:
    """What the lake holds of some records.

    Attributes:
        counts: table -> its rows with something personal in them.
        texts: what in them could name the person.
        orders: the ids of their orders in core.
        days: their days by source, whose core is built from them.
    """

    counts: Counter[str] = field(default_factory=Counter[str])
    texts: set[str] = field(default_factory=set[str])
    orders: set[str] = field(default_factory=set[str])
    days: dict[str, set[date]] = field(default_factory=dict[str, set[date]])


def look_at(connection: Connection, records: Collection[Record]) -> PersonsRows:
    """What of the records stands in raw, core and quarantine now."""
    found, ids = PersonsRows(), by_source(records)
    for table, source in raw_tables(connection).items():
        rows = connection.execute(
            f"SELECT payload, partition_day FROM {table} WHERE list_contains($1::VARCHAR[], record_id)",
            [ids.get(source, [])],
        ).fetchall()
        for payload, day in rows:
            found.counts[table] += _note_texts(found, source, payload.encode())
            found.days.setdefault(source, set()).add(day)
    for source, of_source in ids.items():
        _look_at_core(connection, source, of_source, found)
        letters = connection.execute(
            f"SELECT payload FROM raw.dead_letters WHERE {_OF.format('')}", [source, of_source]
        ).fetchall()
        for (payload,) in letters:
            is_whole = personal_keys(source).erased(payload) == payload
            found.counts["raw.dead_letters"] += _note_texts(found, source, payload) or not is_whole
        if +found.counts:  # what was rejected of an erased payload is nothing personal
            found.counts["quarantine.rejects"] += _count(
                connection.execute(
                    f"SELECT count(*) FROM quarantine.rejects WHERE {_OF.format('raw_')} AND value <> '{MASK}'",
                    [source, of_source],
                )
            )
    return found


def erase_rows(lake: Lake, records: Collection[Record]) -> Counter[str]:
    """Rewrite the person's rows, owe their days to core, and let builds that began before begin again.

    Returns:
        Rows changed by table. None the second time.
    """

    def body(connection: Connection) -> Counter[str]:
        changed, ids = Counter[str](), by_source(records)
        for table, source in raw_tables(connection).items():
            if source in ids:
                changed[table] += _erase_payloads(connection, table, source, ids[source])
        for source, of_source in ids.items():
            changed["raw.dead_letters"] += _erase_letters(connection, source, of_source)
            changed += _erase_core(connection, source, of_source)
            changed["quarantine.rejects"] += _count(
                connection.execute(
                    f"UPDATE quarantine.rejects SET value = '{MASK}' WHERE {_OF.format('raw_')} AND value <> '{MASK}'",
                    [source, of_source],
                )
            )
            if +changed:
                _owe(connection, source, days_of(connection, source, of_source))
        return +changed

    return lake.run("erase a person", body)


def days_of(connection: Connection, source: str, ids: Collection[str]) -> set[date]:
    """The days of the records in raw, which core is built by."""
    days: set[date] = set()
    for table, of in raw_tables(connection).items():
        if of == source:
            rows = connection.execute(
                f"SELECT DISTINCT partition_day FROM {table} WHERE list_contains($1::VARCHAR[], record_id)", [list(ids)]
            ).fetchall()
            days |= {day for (day,) in rows}
    return days


def _note_texts(found: PersonsRows, source: str, payload: bytes) -> bool:
    keys = personal_keys(source)
    found.texts |= set(keys.identifying(payload)) | full_names(keys.texts(payload))
    return bool(keys.texts(payload))


def _look_at_core(connection: Connection, source: str, ids: list[str], found: PersonsRows) -> None:
    for table, columns in core_columns().items():
        any_left = " OR ".join(f"{name} IS NOT NULL AND {_is_personal_value(name)}" for name in columns)
        row = connection.execute(
            f"SELECT count(*) FROM {table} WHERE {_OF.format('raw_')} AND ({any_left})", [source, ids]
        ).fetchone()
        found.counts[table] += int(row[0]) if row else 0
    orders = connection.execute(
        f"SELECT order_id FROM core.orders WHERE {_OF.format('raw_')}", [source, ids]
    ).fetchall()
    found.orders |= {order_id for (order_id,) in orders}


def core_columns() -> dict[str, dict[str, str]]:
    """Each core table that has personal columns -> those, with their types."""
    contracts = {f"core.{name}": table_contract(model) for name, model in CORE_TABLES.items()}
    columns = {
        table: {each.name: each.duckdb_type for each in contract.columns if each.personal}
        for table, contract in contracts.items()
    }
    return {table: named for table, named in columns.items() if named}


def _is_personal_value(column: str) -> str:
    """SQL: the value is more than what an erasure leaves, by itself or in several parts."""
    return f"trim(replace(CAST({column} AS VARCHAR), '{ERASED}', '')) <> ''"


def _erase_payloads(connection: Connection, table: str, source: str, ids: list[str]) -> int:
    keys = personal_keys(source)
    rows = connection.execute(
        f"SELECT record_id, content_sha256, payload FROM {table} WHERE list_contains($1::VARCHAR[], record_id)", [ids]
    ).fetchall()
    changed = [
        {"record_id": record_id, "content_sha256": sha256, "payload": erased.decode()}
        for record_id, sha256, payload in rows
        if (erased := keys.erased(payload.encode())).decode() != payload
    ]
    if changed:
        connection.register("erased_rows", pa.Table.from_pylist(changed))
        connection.execute(
            f"UPDATE {table} SET payload = erased_rows.payload FROM erased_rows"
            f" WHERE {table}.record_id = erased_rows.record_id AND {table}.content_sha256 = erased_rows.content_sha256"
        )
        connection.unregister("erased_rows")
    return len(changed)


def _erase_letters(connection: Connection, source: str, ids: list[str]) -> int:
    keys = personal_keys(source)
    rows = connection.execute(
        f"SELECT content_sha256, payload FROM raw.dead_letters WHERE {_OF.format('')}", [source, ids]
    ).fetchall()
    changed = [(sha256, erased) for sha256, payload in rows if (erased := keys.erased(payload)) != payload]
    for sha256, erased in changed:
        connection.execute(
            "UPDATE raw.dead_letters SET payload = $3, value = $4 WHERE source = $1 AND content_sha256 = $2",
            [source, sha256, erased, ERASED],
        )
    return len(changed)


def _erase_core(connection: Connection, source: str, ids: list[str]) -> Counter[str]:
    changed = Counter[str]()
    for table, columns in core_columns().items():
        values = ", ".join(
            f"{name} = CASE WHEN {name} IS NOT NULL THEN '{ERASED}' END" if kind == "VARCHAR" else f"{name} = NULL"
            for name, kind in columns.items()
        )
        any_left = " OR ".join(f"{name} IS NOT NULL AND {_is_personal_value(name)}" for name in columns)
        changed[table] += _count(
            connection.execute(
                f"UPDATE {table} SET {values} WHERE {_OF.format('raw_')} AND ({any_left})", [source, ids]
            )
        )
    return changed


def _owe(connection: Connection, source: str, days: set[date]) -> None:
    """Core of the days is to be built again, and no build that read them before this may publish what it read."""
    mark_stale(connection, source, days, datetime.now(UTC), "privacy")
    connection.execute(
        "UPDATE core.builds SET build_id = $1 WHERE source = $2 AND list_contains($3::DATE[], order_day)",
        [uuid.uuid4().hex, source, sorted(days)],
    )


def _count(cursor: Connection) -> int:
    row = cursor.fetchone()
    return int(row[0]) if row else 0
