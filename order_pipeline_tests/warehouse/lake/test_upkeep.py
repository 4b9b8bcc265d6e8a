"""Upkeep changes files, never rows; and it removes only what is old enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from order_pipeline.warehouse.lake import upkeep as upkeep_module
from order_pipeline.warehouse.lake.connection import Lake, snapshot_id
from order_pipeline.warehouse.lake.upkeep import Fingerprint, UpkeepError, fingerprint, rows_changed, upkeep
from order_pipeline.warehouse.raw.tables import ensure_raw_table

pytestmark = pytest.mark.costly

LATER = timedelta(days=10)


def add_orders(lake: Lake, start: int, number: int = 40) -> None:
    table = ensure_raw_table(lake, "kibo", "orders")
    with lake.transaction("add orders") as connection:
        connection.execute(
            f"INSERT INTO {table} SELECT i::VARCHAR, DATE '2026-01-01' + (i % 2)::INT, sha256(i::VARCHAR), '{{}}',"
            f" now(), i, 'run' FROM range({start}, {start + number}) AS orders(i)"
        )


@pytest.fixture
def filled(lake: Lake) -> Lake:
    for start in range(0, 160, 40):
        add_orders(lake, start)
    return lake


def files(lake: Lake) -> set[Path]:
    return set(Path(lake.data_path).rglob("*.parquet"))


def orders(lake: Lake) -> Fingerprint:
    with lake.snapshot() as connection:
        return fingerprint(connection, "raw", "kibo_orders")


def test_many_small_files_become_one_a_partition_and_the_rows_stay_the_same(filled: Lake) -> None:
    before = orders(filled)
    result = upkeep(filled, now=datetime.now(UTC) + LATER)
    assert result.tables["raw.kibo_orders"] == before == orders(filled)
    assert before.rows == 160
    assert len([file for file in files(filled) if "kibo_orders" in file.parts]) == 2
    assert result.files_removed >= 8


def test_nothing_is_removed_within_the_days_that_are_kept(filled: Lake) -> None:
    """Not even what a merge replaced a moment ago: a reader may still be reading it."""
    before = files(filled)
    with filled.snapshot() as connection:
        earlier = snapshot_id(connection)
    result = upkeep(filled)
    assert (result.files_removed, result.snapshots_expired) == (0, 0)
    assert before <= files(filled)
    assert filled.query(f"SELECT count(*) FROM raw.kibo_orders AT (VERSION => {earlier})").rows == [(160,)]


def test_a_reader_that_began_before_the_upkeep_reads_on(filled: Lake) -> None:
    with filled.snapshot() as reader:
        expected = fingerprint(reader, "raw", "kibo_orders")
        upkeep(filled)
        assert fingerprint(reader, "raw", "kibo_orders") == expected


def test_deleted_rows_stay_deleted(filled: Lake) -> None:
    with filled.transaction("delete") as connection:
        connection.execute("DELETE FROM raw.kibo_orders WHERE sequence % 3 = 0")
    before = orders(filled)
    upkeep(filled, now=datetime.now(UTC) + LATER)
    assert orders(filled) == before


def test_upkeep_again_finds_nothing_to_do(filled: Lake) -> None:
    upkeep(filled, now=datetime.now(UTC) + LATER)
    result = upkeep(filled, now=datetime.now(UTC) + LATER)
    assert (result.files_merged, result.files_removed) == (0, 0)


def test_files_that_are_gone_already_do_not_stop_the_next_upkeep(filled: Lake) -> None:
    """What a kill between removing the files and committing leaves behind."""
    before = files(filled)
    upkeep(filled)
    with filled.connect() as connection:
        live = {
            Path(row[0])
            for row in connection.execute(
                "SELECT data_file FROM ducklake_list_files('lake', 'kibo_orders', schema => 'raw')"
            ).fetchall()
        }
    for replaced in {file for file in before - live if "kibo_orders" in file.parts}:
        replaced.unlink()
    expected = orders(filled)
    upkeep(filled, now=datetime.now(UTC) + LATER)
    assert orders(filled) == expected


def test_a_table_that_reads_differently_after_its_merge_stops_everything(
    filled: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = upkeep_module.fingerprint
    seen: list[str] = []

    def lose_a_row(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> Fingerprint:
        found = honest(connection, schema, table)
        seen.append(table)
        return Fingerprint(found.rows - 1, found.checksum) if seen.count("kibo_orders") == 2 else found

    monkeypatch.setattr(upkeep_module, "fingerprint", lose_a_row)
    before = files(filled)
    with pytest.raises(UpkeepError, match=r"raw\.kibo_orders.*AT \(VERSION"):
        upkeep(filled, now=datetime.now(UTC) + LATER)
    assert before <= files(filled)


def test_merging_is_told_from_writing(filled: Lake) -> None:
    with filled.snapshot() as connection:
        before = snapshot_id(connection)
    upkeep(filled)
    with filled.snapshot() as connection:
        merged = snapshot_id(connection)
        assert merged > before
        assert not rows_changed(connection, "raw", "kibo_orders", before)
    add_orders(filled, 160)
    with filled.snapshot() as connection:
        assert rows_changed(connection, "raw", "kibo_orders", merged)
