"""A world's fingerprint: for each table how many rows it has, and one hash over them, whatever their order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from order_pipeline_tests.fingerprint.rows import (
    LEDGER_TABLE,
    column_names,
    ledger_rows,
    rows_sql,
    run_day,
    table_names,
)
from order_pipeline_tests.fingerprint.seams import reading

RECORDED = Path(__file__).parent / "recorded"


@dataclass(frozen=True, slots=True)
class TableFingerprint:
    """Rows of a table, and a SHA-256 over its column names and the sorted hashes of its rows."""

    rows: int
    sha256: str


Fingerprint = Mapping[str, TableFingerprint]


def fingerprint_of(data_dir: Path) -> dict[str, TableFingerprint]:
    """The fingerprint of what a data directory holds."""
    found: dict[str, TableFingerprint] = {}
    with reading(data_dir) as connection:
        day = run_day(connection)
        for table in table_names(connection):
            columns = column_names(connection, table)
            row = connection.execute(
                "SELECT count(*), sha256(coalesce(string_agg(row_hash, '' ORDER BY row_hash), ''))"
                f" FROM (SELECT sha256(row_text) AS row_hash FROM ({rows_sql(table, columns, day)}))"
            ).fetchone()
            assert row is not None
            header = json.dumps(columns)
            found[table] = TableFingerprint(int(row[0]), hashlib.sha256(f"{header}{row[1]}".encode()).hexdigest())
    ledger = ledger_rows(data_dir)
    if ledger is not None:
        hashes = sorted(hashlib.sha256(text.encode()).hexdigest() for text in ledger)
        found[LEDGER_TABLE] = TableFingerprint(len(ledger), hashlib.sha256("".join(hashes).encode()).hexdigest())
    return found


def recorded_path(world: str) -> Path:
    """Where a world's fingerprint is recorded."""
    return RECORDED / f"{world}.json"


def record(world: str, found: Fingerprint) -> None:
    """Make this the fingerprint that the world is to have."""
    text = json.dumps({table: asdict(one) for table, one in sorted(found.items())}, indent=1)
    recorded_path(world).write_text(text + "\n", encoding="utf-8")


def recorded(world: str) -> dict[str, TableFingerprint]:
    """The fingerprint that the world is to have.

    Raises:
        FileNotFoundError: none was recorded.
    """
    stored = json.loads(recorded_path(world).read_text(encoding="utf-8"))
    return {table: TableFingerprint(**one) for table, one in stored.items()}


def differences(expected: Fingerprint, found: Fingerprint) -> list[str]:
    """A line for each table that is not as expected; none: the fingerprints are equal."""
    lines: list[str] = []
    for table in sorted({*expected, *found}):
        before, now = expected.get(table), found.get(table)
        if before is None and now is not None:
            lines.append(f"{table}: new, {now.rows:,} rows")
        elif now is None and before is not None:
            lines.append(f"{table}: gone, it had {before.rows:,} rows")
        elif before is not None and now is not None and before != now:
            rows = f"{before.rows:,} -> {now.rows:,} rows" if before.rows != now.rows else f"{now.rows:,} rows"
            lines.append(f"{table}: differs, {rows}")
    return lines
