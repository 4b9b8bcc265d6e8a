"""The lake's version: what only adds is done when a lake is opened, everything else is refused before it is touched."""

from __future__ import annotations

import hashlib
import multiprocessing
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from order_pipeline.operations.versions import StoreVersionError
from order_pipeline.settings import Settings
from order_pipeline.warehouse import migrations
from order_pipeline.warehouse.lake.connection import Lake, snapshot_id
from order_pipeline.warehouse.lake_columns import TableColumn
from order_pipeline.warehouse.lake_plan import plan_changes, refusals
from order_pipeline.warehouse.lake_version import LAKE_VERSION, SCHEMAS, TABLE
from order_pipeline.warehouse.migrations import RETIRED_COLUMNS, declared_tables, migrate, plan_upgrade
from order_pipeline.warehouse.raw.tables import RAW_COLUMNS
from order_pipeline_tests.warehouse.kibo_orders import build, kibo_order, receive
from order_pipeline_tests.warehouse.settings_for_tests import settings_in


@pytest.fixture(scope="module")
def built_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with one order in core, made once and copied for each test."""
    directory = tmp_path_factory.mktemp("built")
    lake = Lake(settings_in(directory))
    migrate(lake)
    receive(lake, [kibo_order(1)])
    build(lake)
    lake.close()
    return directory


@pytest.fixture
def built(settings: Settings, built_directory: Path) -> Iterator[Lake]:
    shutil.copytree(built_directory, settings.data_dir, dirs_exist_ok=True)
    lake = Lake(settings)
    yield lake
    lake.close()


@pytest.fixture
def declare(monkeypatch):
    """Makes this program one that declares a column otherwise; None: it has the column no longer."""

    def declare(table: str, column: str, declared: TableColumn | None) -> None:
        tables = {name: dict(columns) for name, columns in migrations.declared_tables().items()}
        tables[table].pop(column, None)
        if declared is not None:
            tables[table][column] = declared
        monkeypatch.setattr(migrations, "declared_tables", lambda: tables)

    return declare


def snapshot_of(lake: Lake) -> int:
    with lake.snapshot() as connection:
        return snapshot_id(connection)


def kinds(lake: Lake, table: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in lake.query(f"DESCRIBE {table}").rows}


def one_row(lake: Lake, sql: str) -> tuple[object, ...]:
    [row] = lake.query(sql).rows
    return row


@pytest.mark.costly
@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [
        ("VARCHAR", "it's new", "it's new"),
        ("BOOLEAN", "false", False),
        ("BIGINT", "-1", -1),
        ("DECIMAL(18,4)", "0.5", Decimal("0.5000")),
        ("JSON", None, None),
    ],
)
def test_a_new_column_has_its_default_in_rows_of_before(built, declare, kind, default, value):
    declare("core.orders", "gained", TableColumn(kind, nullable=default is None, default=default))
    migrate(built)
    assert one_row(built, "SELECT gained FROM core.orders") == (value,)


@pytest.mark.costly
def test_a_build_after_an_upgrade_works(built, declare):
    declare("core.orders", "gained", TableColumn("BOOLEAN", nullable=False, default="false"))
    declare("core.order_lines", "quantity_ordered", TableColumn("DECIMAL(24,3)", nullable=True))
    migrate(built)
    receive(built, [kibo_order(2)])
    build(built)
    assert one_row(built, "SELECT count(*) FROM core.orders") == (2,)


@pytest.mark.costly
@pytest.mark.parametrize("wider", ["DECIMAL(24,3)", "DECIMAL(24,5)"], ids=["in place", "written anew"])
def test_a_wider_type_keeps_every_value(built, declare, wider):
    before = one_row(built, "SELECT quantity_ordered FROM core.order_lines")
    declare("core.order_lines", "quantity_ordered", TableColumn(wider, nullable=True))
    migrate(built)
    assert one_row(built, "SELECT quantity_ordered FROM core.order_lines") == before
    assert kinds(built, "core.order_lines")["quantity_ordered"] == wider


def test_a_column_that_may_be_null_now_takes_null(built, declare):
    declare("core.builds", "fingerprint", TableColumn("VARCHAR", nullable=True))
    migrate(built)
    with built.transaction("a row without it") as connection:
        connection.execute("UPDATE core.builds SET fingerprint = NULL")


@pytest.mark.parametrize(
    ("column", "declared", "said"),
    [
        ("core.orders.channel_note", None, "core.orders.channel_note holds values and is not known"),
        (
            "core.order_lines.quantity_ordered",
            TableColumn("INTEGER", nullable=True),
            r"core.order_lines.quantity_ordered is DECIMAL\(18,3\) and must be INTEGER, which is not wider",
        ),
        ("core.order_lines.quantity_ordered", TableColumn("DECIMAL(18,4)", nullable=True), "not wider"),
    ],
    ids=["removed", "another type", "fewer digits before the point"],
)
def test_what_is_not_an_addition_is_refused_and_nothing_is_changed(built, declare, column, declared, said):
    with built.transaction("as another program left it") as connection:
        connection.execute("ALTER TABLE core.orders ADD COLUMN channel_note VARCHAR")
    declare("core.orders", "channel_note", TableColumn("VARCHAR", nullable=True))
    table, _, name = column.rpartition(".")
    declare(table, name, declared)
    declare("raw.fetches", "gained", TableColumn("VARCHAR", nullable=True))
    before = snapshot_of(built)
    with pytest.raises(StoreVersionError, match=f"{said}.*Nothing was changed.* next: Run the version"):
        migrate(built)
    assert snapshot_of(built) == before
    assert plan_upgrade(built).refused


def test_a_column_that_was_retired_stays_and_stops_nothing(built, declare, monkeypatch):
    declare("core.orders", "order_note", None)
    monkeypatch.setattr(migrations, "RETIRED_COLUMNS", RETIRED_COLUMNS | {"core.orders.order_note"})
    with built.transaction("as another program left it") as connection:
        connection.execute("ALTER TABLE core.orders ADD COLUMN IF NOT EXISTS order_note VARCHAR")
    before = snapshot_of(built)
    migrate(built)
    assert snapshot_of(built) == before


def test_a_lake_of_a_newer_program_is_refused_with_what_to_do(built):
    with built.transaction("as a newer program left it") as connection:
        connection.execute(f"INSERT INTO {TABLE} VALUES (?, now())", [LAKE_VERSION + 1])
    for opened in (migrate, plan_upgrade):
        with pytest.raises(StoreVersionError, match=f"version {LAKE_VERSION + 1}.*knows {LAKE_VERSION}.*restore"):
            opened(built)


@pytest.mark.costly
def test_a_lake_of_before_versions_gets_one_and_keeps_a_row_for_each_upgrade(built, monkeypatch):
    with built.transaction("as it was before") as connection:
        connection.execute(f"DROP TABLE {TABLE}")
    assert plan_upgrade(built).version == 0
    migrate(built)
    monkeypatch.setattr(migrations, "LAKE_VERSION", LAKE_VERSION + 1)
    monkeypatch.setattr("order_pipeline.warehouse.lake_version.LAKE_VERSION", LAKE_VERSION + 1)
    migrate(built)
    migrate(built)
    assert built.query(f"SELECT version FROM {TABLE} ORDER BY 1").rows == [(LAKE_VERSION,), (LAKE_VERSION + 1,)]


@pytest.mark.costly
def test_an_upgrade_that_is_killed_leaves_the_lake_and_is_run_again(built, declare, monkeypatch):
    declare("core.orders", "gained", TableColumn("VARCHAR", nullable=True))
    with built.transaction("as it was before") as connection:
        connection.execute(f"DROP TABLE {TABLE}")
    with monkeypatch.context() as killed:
        killed.setattr(migrations, "write_version", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            migrate(built)
    assert "gained" not in kinds(built, "core.orders")
    migrate(built)
    assert "gained" in kinds(built, "core.orders")


def _migrate_in(directory) -> None:
    lake = Lake(settings_in(directory))
    migrate(lake)
    lake.close()


@pytest.mark.costly
def test_processes_that_open_an_older_lake_at_once_upgrade_it_once(built, settings):
    with built.transaction("as it was before") as connection:
        connection.execute("ALTER TABLE core.orders DROP COLUMN returns")
        connection.execute(f"DROP TABLE {TABLE}")
    built.close()
    spawn = multiprocessing.get_context("spawn")
    racers = [spawn.Process(target=_migrate_in, args=(settings.data_dir,)) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(120)
    assert [racer.exitcode for racer in racers] == [0, 0]
    assert one_row(built, f"SELECT count(*) FROM {TABLE}") == (1,)
    assert one_row(built, "SELECT returns FROM core.orders") == (None,)


def test_the_newest_schema_is_recorded_so_that_older_programs_notice():
    columns = [
        (table, name, column.kind, column.nullable)
        for table, columns in declared_tables().items()
        for name, column in columns.items()
    ]
    digest = hashlib.sha256(repr((sorted(columns), sorted(RAW_COLUMNS.items()))).encode()).hexdigest()[:12]
    advice = f'the tables of the lake are new: add "{digest}" as the last of SCHEMAS in warehouse/lake_version.py'
    assert SCHEMAS[-1] == digest, advice


def test_what_is_planned_is_said_in_words():
    text, whole = TableColumn("VARCHAR", nullable=True), TableColumn("INTEGER", nullable=False)
    wide = TableColumn("BIGINT", nullable=False)
    found = {"core.orders": {"kept": text, "number": whole}}
    declared = {"core.orders": {"kept": text, "number": wide, "gained": text}, "core.parcels": {"kept": text}}
    assert [change.what for change in plan_changes(found, declared)] == [
        "widen core.orders.number from INTEGER to BIGINT",
        "add core.orders.gained, so far NULL",
        "make the table core.parcels",
    ]
    assert refusals(found, declared, ()) == []


def test_a_bookkeeping_column_stands_where_rows_are_inserted_by_position(built):
    for table in ("raw.fetches", "core.builds", "quarantine.rejects"):
        assert list(kinds(built, table)) == list(declared_tables()[table])
