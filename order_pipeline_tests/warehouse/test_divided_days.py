"""How the days of a build are divided, and that it shows in nothing but memory."""

from __future__ import annotations

import shutil
from bisect import bisect_right
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.warehouse.core import batches
from order_pipeline.warehouse.core import build as core
from order_pipeline.warehouse.core.batches import Step, plan_steps
from order_pipeline.warehouse.core.hard_checks import StagedTable
from order_pipeline.warehouse.core.portion import Staging
from order_pipeline.warehouse.core.set_aside import set_aside
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.scratch import scratch_space
from order_pipeline_tests.warehouse.kibo_orders import DAY, build, kibo_item, kibo_order, kibo_shipment, receive, rows
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

NEXT_DAY = DAY + timedelta(days=1)
ONE_PORTION = 1_000_000_000
MANY_SHARES = 10_000


def receive_all_kinds(lake: Lake) -> None:
    """Two days: good orders, a bad one, a bad line, a line that came twice, and one that came twice differently."""
    orders = [kibo_order(number, total=number) for number in range(1, 9)]
    orders += [kibo_order(9, total="bad"), kibo_order(10, kibo_shipment(100, kibo_item(1), kibo_item(2, quantity="x")))]
    orders += [kibo_order(11, kibo_shipment(110, kibo_item(1), kibo_item(1)))]
    orders += [kibo_order(12, kibo_shipment(120, kibo_item(1), kibo_item(1, sku="another")))]
    receive(lake, orders)
    receive(lake, [kibo_order(20, orderDate="2026-01-06T10:00:00Z", orderStatus="NEVER_HEARD_OF")], day=NEXT_DAY)


def plan_with(monkeypatch: pytest.MonkeyPatch, portion_bytes: int) -> list[Step]:
    """Have builds divide their days by this size; the list gets what they plan."""
    planned: list[Step] = []

    def plan(*arguments: Any) -> list[Step]:
        planned.extend(plan_steps(*arguments, portion_bytes=portion_bytes))
        return planned

    monkeypatch.setattr(core, "plan_steps", plan)
    return planned


def everything_built(lake: Lake) -> dict[str, list[str]]:
    """Core, quarantine and warnings, without the columns that name the build."""
    tables = [f"core.{name}" for name in CORE_TABLES] + ["quarantine.rejects", "quarantine.warnings"]
    own = "^(run_id|first_seen_at|last_seen_at|seen_at)$"
    return {
        table: sorted(
            map(repr, rows(lake, f"SELECT * FROM (SELECT COLUMNS(c -> NOT c.regexp_matches('{own}')) FROM {table})"))
        )
        for table in tables
    }


def test_a_divided_day_gives_the_same_core_quarantine_and_warnings(
    lake: Lake, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive_all_kinds(lake)
    lake.close()
    directory = tmp_path_factory.mktemp("the same raw rows") / "data"
    shutil.copytree(lake.settings.data_dir, directory)
    other = Lake(settings_in(directory))
    assert not any(one.is_divided_day for one in plan_with(monkeypatch, ONE_PORTION))
    built_whole = build(lake)
    planned = plan_with(monkeypatch, MANY_SHARES)
    built_divided = build(other)
    assert [len(one.portions) > 3 for one in planned] == [True, False]
    assert everything_built(other) == everything_built(lake)
    assert {"bad_number", "parent_rejected", "duplicate_key"} <= set(built_whole.rejects_by_rule)
    assert {"unknown_status", "line_sum"} <= {warning.rule for warning in built_whole.warnings}
    assert built_whole.rows["prices"] == built_whole.rows["order_lines"] > 8
    for name in ("days", "rows", "rejected_rows", "rejects_by_rule", "quarantine", "warnings"):
        assert getattr(built_divided, name) == getattr(built_whole, name), name
    build(other, DAY, NEXT_DAY)
    assert everything_built(other) == everything_built(lake)
    other.close()


def files_set_aside(lake: Lake) -> list[Path]:
    return list(lake.settings.data_dir.rglob("*.stg_kibo__*.parquet")) + list(
        (lake.settings.data_dir / "tmp").rglob("*.parquet")
    )


@pytest.mark.parametrize(("portion_bytes", "waits_in_files"), [(MANY_SHARES, True), (ONE_PORTION, False)])
@pytest.mark.parametrize("fails", [False, True])
def test_rows_of_a_divided_day_wait_in_files_that_go_with_the_build(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, portion_bytes: int, waits_in_files: bool, fails: bool
) -> None:
    receive(lake, [kibo_order(number) for number in range(1, 9)])
    plan_with(monkeypatch, portion_bytes)
    commit, in_memory, in_files = core.replace_days, list[str](), list[Path]()

    def look(transaction: Any, *arguments: Any, **options: Any) -> Any:
        held = "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'stg_%' AND estimated_size > 0"
        in_memory.extend(name for (name,) in transaction.execute(held).fetchall())
        in_files.extend(files_set_aside(lake))
        if fails:
            raise OSError("disk full")
        return commit(transaction, *arguments, **options)

    monkeypatch.setattr(core, "replace_days", look)
    if fails:
        with pytest.raises(OSError, match="disk full"):
            build(lake)
    else:
        assert build(lake).rows["orders"] == 8
    assert (bool(in_files), bool(in_memory)) == (waits_in_files, not waits_in_files)
    assert files_set_aside(lake) == []


def test_portions_of_divided_days_are_staged_one_at_a_time(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (DAY, NEXT_DAY):
        first = 1000 if day == DAY else 2000
        orders = [kibo_order(number, orderDate=f"{day}T10:00:00Z") for number in range(first, first + 8)]
        receive(lake, orders, day=day)
    planned = plan_with(monkeypatch, MANY_SHARES)
    stage, at_once, most = Staging.stage, list[object](), list[int]()

    def staged(self: Staging, *arguments: Any, **options: Any) -> Any:
        at_once.append(arguments)
        most.append(len(at_once))
        try:
            return stage(self, *arguments, **options)
        finally:
            at_once.pop()

    monkeypatch.setattr(Staging, "stage", staged)
    assert build(lake).rows["orders"] == 16
    assert [one.is_divided_day for one in planned] == [True, True]
    assert (len(most), max(most)) == (sum(len(one.portions) for one in planned), 1)


VALUES = {
    "VARCHAR": "'Ωμέγα ''x'''",
    "VARCHAR[]": "['a', NULL, '']",
    "JSON": "'{\"a\": 1}'::JSON",
    "DECIMAL(18,4)": "-99999999999999.9999",
    "DECIMAL(18,3)": "0.001",
    "DECIMAL(9,6)": "123.000001",
    "TIMESTAMPTZ": "TIMESTAMPTZ '1969-12-31 23:59:59.999999+00'",
    "DATE": "DATE '2026-01-05'",
    "BOOLEAN": "false",
    "INTEGER": "-2147483648",
}


@pytest.mark.parametrize("name", CORE_TABLES)
def test_rows_come_back_from_their_file_as_they_were(lake: Lake, name: str) -> None:
    contract = table_contract(CORE_TABLES[name])
    columns = ", ".join(f"CAST({VALUES[c.duckdb_type]} AS {c.duckdb_type}) AS {c.name}" for c in contract.columns)
    nulls = ", ".join(f"CAST(NULL AS {c.duckdb_type})" for c in contract.columns)
    with lake.connect() as connection, scratch_space(connection) as scratch:
        table = f"{scratch.batch}.staged"
        connection.execute(
            f"CREATE TABLE {table} AS SELECT {columns}, 'x' AS companion_text UNION ALL SELECT {nulls}, ''"
        )
        staged = StagedTable(contract, table, frozenset([*contract.column_names, "companion_text"]))
        sql = "SELECT {row}, {columns} FROM {relation} ORDER BY {row}"
        names = ", ".join(contract.column_names)
        before = connection.execute(sql.format(row=staged.row, columns=names, relation=table)).to_arrow_table()
        kept = set_aside(connection, staged, scratch.files / "staged.parquet")
        found = connection.execute(sql.format(row=kept.row, columns=names, relation=kept.relation)).to_arrow_table()
        assert found.rename_columns(before.column_names).equals(before)
        assert kept.columns == frozenset(contract.column_names)
        assert connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'staged'").fetchone() == (0,)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([1, 1, 1], [[3]]),
        ([6, 6, 6], [[1], [1], [1]]),
        ([6, 3, 6], [[1, 1], [1]]),
        ([2, 2, 2, 2, 6, 3], [[2, 2], [2]]),
        ([0, 0, 0, 9, 6], [[4], [1]]),
        ([25, 1], [["all", "all", "all"], [1]]),
        ([1, 11, 1], [[1], ["all", "all"], [1]]),
        ([0, 0], [[2]]),
        ([], []),
    ],
)
def test_days_are_divided_into_portions_and_steps(
    sizes: list[float], expected: list[list[int | str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [DAY + timedelta(days=number) for number in range(len(sizes))]
    monkeypatch.setattr(batches, "_sizes", lambda *_: dict(zip(days, sizes, strict=True)))
    monkeypatch.setattr(batches, "_sampled_ids", lambda *_: [f"{number:03}" for number in range(100)])
    steps = plan_steps(None, [], days, portion_bytes=10)  # pyright: ignore[reportArgumentType]
    assert [["all" if part.is_share else len(part.days) for part in one.portions] for one in steps] == expected
    assert [one.is_divided_day for one in steps] == ["all" in parts for parts in expected]
    assert sorted(day for one in steps for day in one.days) == days


def test_only_the_halves_of_the_first_step_are_parsed_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    days = [DAY + timedelta(days=number) for number in range(6)]
    monkeypatch.setattr(batches, "_sizes", lambda *_: dict.fromkeys(days, 4))
    steps = plan_steps(None, [], days, portion_bytes=10)  # pyright: ignore[reportArgumentType]
    assert [[part.lane for part in one.portions] for one in steps] == [[0, 1], [0], [0]]


@given(st.lists(st.text(max_size=3), min_size=1, max_size=30), st.integers(2, 8), st.lists(st.text(max_size=4)))
def test_every_key_is_in_one_share_of_its_day_whatever_was_sampled(
    sampled: list[str], count: int, keys: list[str]
) -> None:
    shares = batches._shares(DAY, sorted(sampled), count)
    for key in [*sampled, *keys]:
        holding = [s for s in shares if (s.first is None or key >= s.first) and (s.end is None or key < s.end)]
        assert len(holding) == 1
    assert len(shares) <= count


def test_shares_of_a_day_are_about_as_large(lake: Lake) -> None:
    receive(lake, [kibo_order(number) for number in range(1000, 1100)])
    with lake.connect() as connection:
        resources = [batches.RawResource("kibo", "orders", exists=True)]
        (one,) = plan_steps(connection, resources, [DAY], portion_bytes=100_000)
    bounds = [share.first for share in one.portions if share.first is not None]
    places = [bisect_right(bounds, str(number)) for number in range(1000, 1100)]
    assert len(one.portions) > 3
    assert {places.count(place) for place in range(len(one.portions))} <= {
        100 // len(one.portions),
        100 // len(one.portions) + 1,
    }
