"""`--safe`: a statement of somebody else reads the lake and the operations store, and reaches nothing else."""

import sqlite3

import duckdb
import pytest

from order_pipeline.operations.store import OperationsStore
from order_pipeline.settings import LakeSettings, Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.safe_reading import UnsafeStatementError, lock_in, require_safe

ROWS = 100_000


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """Files of the user that are none of the lake's."""
    directory = tmp_path_factory.mktemp("secret files")
    (directory / "key.txt").write_text("the secret")
    with sqlite3.connect(directory / "other.sqlite") as other:
        other.execute("CREATE TABLE t AS SELECT 'the secret' AS i")
    other.close()
    return directory


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), lake=LakeSettings(query_memory_limit="40MB"))
    store = OperationsStore(settings.resolved_operations_url)
    store.create_all()
    store.close()
    made = Lake(settings)
    made.connect().close()
    with made.transaction("orders") as writer:
        writer.execute("CREATE SCHEMA core")
        writer.execute(f"CREATE TABLE core.orders AS SELECT range AS n, random() AS r FROM range({ROWS})")
        writer.execute("CREATE VIEW core.many AS SELECT * FROM core.orders")
    yield made
    made.close()


@pytest.fixture(scope="module")
def safe(lake):
    """Runs a statement as `sql --safe` does."""
    connection = lake.connect(read_only=True, operations=True)
    lock_in(connection, lake.data_path)

    def run(statement):
        require_safe(connection, statement)
        return connection.execute(statement).fetchall()

    yield run
    connection.close()


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("select count(*) from core.orders", (ROWS,)),
        ("from core.many select max(n)", (ROWS - 1,)),
        ("with a as (from range(3)) select sum(range) from a, unnest([1])", (3,)),
        ("select count(*) from ops.pick_outbox", (0,)),
        ("select count(*) > 0 from lake.snapshots()", (True,)),
        ("select count(*) from core.orders at (version => 1)", (ROWS,)),
        ("values (1)", (1,)),
    ],
)
def test_the_lake_and_the_operations_store_are_read(safe, statement, first):
    assert safe(statement)[0] == first


@pytest.mark.parametrize("statement", ["show all tables", "describe core.orders", "summarize core.orders"])
def test_what_there_is_can_be_asked(safe, statement):
    assert safe(statement)


def test_a_sort_that_memory_has_no_room_for_spills_all_the_same(safe):
    rows = "select a.n + b.n + random() as z, a.* from core.orders a, range(12) b(n) order by z"
    assert safe(f"select count(*), max(z) from ({rows} offset 1)")


REACHING = [
    "select * from read_text('{0}/key.txt')",
    "select * from read_blob('{0}/key.txt')",
    "select * from read_csv('{0}/key.txt')",
    "from '{0}/key.txt'",
    "from '{0}/other.sqlite'",
    "select * from glob('{0}/*')",
    "select * from sqlite_scan('{0}/other.sqlite', 't')",
    "select (select count(*) from sqlite_scan('{0}/other.sqlite', 't'))",
    "with a as (from SQLITE_SCAN('{0}/other.sqlite', 't')) from a",
    "select * from query('from sqlite_scan(''{0}/other.sqlite'', ''t'')')",
    "select * from query_table('{0}/key.txt')",
    "select 1; attach '{0}/other.sqlite' as o (type sqlite)",
    "attach '{0}/other.sqlite' as o (type sqlite)",
    "attach '{0}/new.duckdb' as o",
    "copy (select 1) to '{0}/new.csv'",
    "explain analyze copy (select 1) to '{0}/new.csv'",
    "export database '{0}/new'",
    "create table memory.main.t as select 1",
    "load httpfs",
    "install spatial from community",
    "set enable_external_access = true",
    "reset enable_external_access",
    "set allowed_directories = ['/']",
    "call enable_logging(storage_path = '{0}/new')",
    "pragma enable_profiling",
    "prepare a as copy (select 1) to '{0}/new.csv'",
    "select * from ducklake_cleanup_old_files('lake')",
    "select * from postgres_query('ops', 'select 1')",
    "delete from core.orders",
    "update ops.pick_outbox set state = 'x'",
    "drop table ops.pick_outbox",
]


@pytest.mark.parametrize("statement", REACHING)
def test_nothing_else_is_in_reach(safe, secret, statement):
    before = sorted(secret.iterdir())
    with pytest.raises((UnsafeStatementError, duckdb.Error)) as caught:
        safe(statement.format(secret))
    assert "the secret" not in str(caught.value)
    assert sorted(secret.iterdir()) == before


def test_without_it_files_are_in_reach(lake, secret):
    with lake.connect(read_only=True, operations=True) as connection:
        text = connection.execute(f"select content from read_text('{secret}/key.txt')").fetchone()
    assert text == ("the secret",)


@pytest.mark.parametrize(
    "statement",
    ["update ops.pick_outbox set state = 'x'", "delete from ops.pick_outbox", "create table ops.t (i int)"],
)
def test_a_change_of_the_operations_store_is_refused(lake, statement):
    with (
        lake.connect(read_only=True, operations=True) as connection,
        pytest.raises(duckdb.Error, match=r"read-only|base table"),
    ):
        connection.execute(statement)
