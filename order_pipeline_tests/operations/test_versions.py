"""The operations store's version: older stores are upgraded, newer ones refused, whoever comes first."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, Text, inspect, text

from order_pipeline.operations import versions
from order_pipeline.operations.migrations.additions import add_column
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import VERSION_TABLE, leases, metadata

NEXT = """
from sqlalchemy import Column, Integer, Text
from order_pipeline.operations.migrations.additions import add_column, add_index, widen_column
revision = "{number:04}"
down_revision = "{before:04}"
def upgrade():
    add_column("leases", Column("pieces", Integer, nullable=False, server_default="1"))
    add_index("leases_by_pieces", "leases", ["pieces"])
    widen_column("leases", "holder", Text())
    add_column("a_table_of_the_future", Column("pieces", Integer))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'operations.sqlite'}"
    return request.getfixturevalue("new_postgres_database")()


@pytest.fixture
def store(url):
    store = OperationsStore(url)
    store.create_all()
    with store.writing() as connection:
        connection.execute(text("INSERT INTO leases VALUES ('kept', 'me', 1, '2026-03-01', '2026-03-01')"))
    yield store
    store.close()


@pytest.fixture
def next_version(monkeypatch, tmp_path):
    """This program with one migration more, and the column that it adds declared."""
    directory = tmp_path / "100% new versions"
    directory.mkdir()
    for file in Path(versions.__file__).parent.glob("migrations/versions/v*.py"):
        (directory / file.name).write_bytes(file.read_bytes())
    newest = versions.newest_version()
    (directory / f"v{newest + 1:04}_pieces_of_a_lease.py").write_text(NEXT.format(number=newest + 1, before=newest))
    monkeypatch.setattr(versions, "_VERSIONS", directory)
    pieces = Column("pieces", Integer, nullable=False, server_default="1")
    leases.append_column(pieces)
    yield newest + 1
    leases._columns.remove(pieces)


def version_of(store):
    with store.reading() as connection:
        return versions.read_version(connection).version


def columns_of_leases(store):
    return {column["name"] for column in inspect(store.engine).get_columns("leases")}


def test_a_new_store_has_the_newest_version_and_a_store_of_before_gets_it(store):
    assert version_of(store) == versions.newest_version()
    with store.writing() as connection:
        connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    assert version_of(store) == 0
    store.create_all()
    assert version_of(store) == versions.newest_version()


def test_an_older_store_gains_the_column_with_its_default_and_keeps_its_rows(store, next_version):
    store.create_all()
    with store.reading() as connection:
        assert connection.execute(text("SELECT name, pieces FROM leases")).all() == [("kept", 1)]
    assert version_of(store) == next_version


def test_an_upgrade_that_fails_leaves_the_store_as_it_was_and_can_be_run_again(store, next_version, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr(versions, "_require_as_declared", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.create_all()
    assert version_of(store) == next_version - 1
    assert "pieces" not in columns_of_leases(store)
    store.create_all()
    assert "pieces" in columns_of_leases(store)


def test_a_store_of_a_newer_program_is_refused_with_what_to_do(store):
    newest = versions.newest_version()
    with store.writing() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{newest + 1:04}'"))
    with pytest.raises(
        versions.StoreVersionError, match=f"version {newest + 1}.*knows {newest}.* order-pipeline restore"
    ):
        store.create_all()


@pytest.mark.costly
def test_a_session_that_keeps_a_table_is_told_and_holds_no_run_forever(
    new_postgres_database, next_version, monkeypatch
):
    store = OperationsStore(new_postgres_database())
    with monkeypatch.context() as before, store.writing() as connection:
        before.setattr(versions, "_VERSIONS", Path(versions.__file__).parent / "migrations" / "versions")
        versions.upgrade(connection)
        connection.execute(text("ALTER TABLE leases DROP COLUMN pieces"))
    monkeypatch.setattr("order_pipeline.operations.store.BUSY_TIMEOUT_SECONDS", 0.05)
    with store.reading() as reader:
        reader.execute(text("SELECT name FROM leases"))
        with pytest.raises(versions.StoreVersionError, match=r"another session kept.* pg_stat_activity"):
            store.create_all()
    store.create_all()
    assert version_of(store) == next_version


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ADD COLUMN by_hand TEXT", "leases.by_hand is not known to this program and holds values"),
        ("DROP COLUMN fence", "leases.fence is missing and no migration adds it"),
    ],
)
def test_what_no_migration_explains_is_refused_and_nothing_is_changed(store, next_version, change, said):
    with store.writing() as connection:
        connection.execute(text(f"ALTER TABLE leases {change}"))
    with pytest.raises(versions.StoreVersionError, match=said):
        store.create_all()
    assert "pieces" not in columns_of_leases(store)


@pytest.mark.costly
def test_several_processes_may_upgrade_at_once(store, url):
    with store.writing() as connection:
        connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    store.close()
    program = f"from order_pipeline.operations.store import OperationsStore as S; S({url!r}).create_all()"
    racers = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(3)]
    ended = [(racer.communicate(timeout=60)[1], racer.returncode) for racer in racers]
    assert [code for _, code in ended] == [0, 0, 0], ended
    assert version_of(store) == versions.newest_version()


def test_migrations_are_numbered_without_a_gap_and_name_their_version():
    assert [each.version for each in versions.migrations()] == list(range(1, versions.newest_version() + 1))
    for file in (Path(versions.__file__).parent / "migrations" / "versions").glob("v*.py"):
        assert f'revision = "{file.stem[1:5]}"' in file.read_text(encoding="utf-8")


def test_a_column_without_a_value_for_the_rows_of_before_is_refused():
    with pytest.raises(ValueError, match="server_default"):
        add_column("leases", Column("pieces", Text, nullable=False))


def test_a_new_store_is_what_is_declared(store):
    with store.reading() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*expression-based index")  # they cannot be compared: see the next test
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    names = [(each[0], getattr(each[1], "name", None)) for each in differences if each[0] != "remove_table"]
    assert [each for each in names if each[1] != "pick_outbox_by_settled"] == []


def indexes_of_the_outbox(store):
    tables = {
        "sqlite": "SELECT name, sql FROM sqlite_master",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes",
    }
    with store.reading() as connection:
        return dict(connection.execute(text(tables[store.engine.dialect.name])).all())


def test_an_outbox_of_before_gets_the_indexes_that_a_new_one_has(store):
    new = {name: sql for name, sql in indexes_of_the_outbox(store).items() if name.startswith("pick_outbox_by_")}
    with store.writing() as connection:
        for name in (
            "pick_outbox_by_order_id",
            "pick_outbox_by_change",
            "pick_outbox_by_sending",
            "pick_outbox_by_settled",
        ):
            connection.execute(text(f"DROP INDEX {name}"))
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0002'"))
    store.create_all()
    assert {name: indexes_of_the_outbox(store).get(name) for name in new} == new
