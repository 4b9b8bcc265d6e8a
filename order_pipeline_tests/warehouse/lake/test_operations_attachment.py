"""`ops`: the operations store as SQL sees it, read where it lies, without what nobody may read there."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from order_pipeline.operations.inbox import ReceivedEvent, store_events
from order_pipeline.operations.store import OperationsStore, open_store
from order_pipeline.operations.tables import VERSION_TABLE
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.operations_attachment import STORE, names_operations
from order_pipeline.warehouse.lake.safe_reading import UnsafeStatementError, require_no_hidden, require_safe

WRITER = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    store.execute(line)
    print("done", flush=True)
"""
LEASE = "INSERT INTO leases VALUES ('{}', 'test', 1, '2026-01-01 10:00:00.000000', '2026-01-01 10:01:00.000000')"
COUNT = "SELECT count(*) FROM ops.leases"


@pytest.fixture
def file(settings: Settings) -> Path:
    """An operations store that this process does not have open."""
    with open_store(settings.resolved_operations_url):
        pass
    return settings.data_dir / "operations.sqlite"


@contextmanager
def writer(file: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the store open for writing."""
    command = [sys.executable, "-c", WRITER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.communicate()


def write(process: subprocess.Popen[str], statement: str) -> None:
    assert process.stdin
    assert process.stdout
    print(statement, file=process.stdin, flush=True)
    assert process.stdout.readline() == "done\n"


def count(connection: duckdb.DuckDBPyConnection) -> int:
    (row,) = connection.execute(COUNT).fetchall()
    return int(row[0])


@pytest.mark.costly
def test_what_another_process_committed_is_seen_without_a_copy(lake: Lake, file: Path) -> None:
    with writer(file) as other, closing(lake.connect(read_only=True, operations=True)) as connection:
        write(other, LEASE.format("a"))
        assert count(connection) == 1
        write(other, "BEGIN IMMEDIATE")
        write(other, LEASE.format("b"))
        assert count(connection) == 1, "what is not committed is not there, and nobody waits for it"
        write(other, "COMMIT")
        assert count(connection) == 2


@pytest.mark.costly
def test_a_store_that_this_process_has_open_is_copied(lake: Lake, file: Path) -> None:
    with open_store(f"sqlite:///{file}") as store, closing(lake.connect(read_only=True, operations=True)) as connection:
        with store.writing() as writing:
            writing.exec_driver_sql(LEASE.format("a"))
        assert count(connection) == 0, "two SQLite libraries must not have one file open"
        assert lake.query(COUNT).rows == [(1,)]


def test_times_carry_their_zone(lake: Lake, file: Path) -> None:
    with writer(file) as other:
        write(other, LEASE.format("a"))
    asked = "SELECT expires_at, expires_at AT TIME ZONE 'Europe/Athens' FROM ops.leases"
    utc = datetime(2026, 1, 1, 10, 1, tzinfo=UTC)
    assert lake.query(asked).rows == [(utc, datetime(2026, 1, 1, 12, 1))]  # noqa: DTZ001 - what Athens' clocks show


@pytest.mark.costly
@pytest.mark.usefixtures("file")
def test_every_table_can_be_read(lake: Lake) -> None:
    names = "SELECT view_name FROM duckdb_views() WHERE database_name = 'ops' AND NOT internal"
    tables = {name for (name,) in lake.query(names).rows}
    assert {"pick_outbox", "webhook_inbox", VERSION_TABLE} <= tables
    for table in tables - {VERSION_TABLE}:
        assert lake.query(f"SELECT * FROM ops.{table}").rows == []


def test_bodies_of_webhooks_with_their_one_time_codes_are_not_to_be_read(lake: Lake, settings: Settings) -> None:
    with closing(OperationsStore(settings.resolved_operations_url)) as store:
        store.create_all()
        body = b'{"order": {"invoice_details": {"otp": "909090"}}}'
        event = ReceivedEvent(
            channel="skroutz",
            body=body,
            parsable=True,
            order_number="1",
            order_day=None,
            source_address="127.0.0.1",
            received_at=datetime.now(UTC),
        )
        store_events(store, [event])
    answer = lake.query("SELECT * FROM ops.webhook_inbox")
    assert len(answer.rows) == 1
    assert "body" not in answer.columns
    assert "909090" not in str(answer.rows)
    with closing(lake.connect(read_only=True, operations=True)) as connection:
        for reaching in (f"SELECT body FROM {STORE}.main.webhook_inbox", f"SUMMARIZE {STORE.upper()}.webhook_inbox"):
            with pytest.raises(UnsafeStatementError, match="one-time codes"):
                require_safe(connection, reaching)
            with pytest.raises(UnsafeStatementError, match="one-time codes"):
                require_no_hidden(reaching)


@pytest.mark.costly
def test_a_store_in_postgresql_is_read_by_the_same_names(tmp_path: Path, postgres_url: str) -> None:
    with open_store(postgres_url) as store, store.writing() as writing:
        writing.exec_driver_sql(LEASE.format("a"))
    lake = Lake(Settings(data_dir=tmp_path, operations_url=postgres_url))
    lake.connect().close()
    assert lake.query(COUNT).rows == [(1,)]
    assert "body" not in lake.query("SELECT * FROM ops.webhook_inbox").columns
    lake.close()


@pytest.mark.parametrize("statement", ["SELECT 1", "FROM core.orders", "SELECT props FROM drops"])
def test_the_store_is_left_alone_where_nobody_asks_for_it(lake: Lake, file: Path, statement: str) -> None:
    assert not names_operations(statement)
    file.write_bytes(b"no database")
    assert lake.query("SELECT 1").rows == [(1,)]
    with pytest.raises(sqlite3.DatabaseError):
        lake.query(COUNT)


@pytest.mark.parametrize(
    "statement", ["FROM ops.leases", 'FROM "OPS".leases', "show all tables", "FROM duckdb_views()"]
)
def test_who_names_it_or_asks_what_there_is_gets_it(statement: str) -> None:
    assert names_operations(statement)
