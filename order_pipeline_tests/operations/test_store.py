"""The operations store: durable by its settings, shared by processes, honest about time."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, inspect, select
from sqlalchemy.exc import StatementError

from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import leases

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.every_python


@pytest.fixture
def store(tmp_path):
    store = OperationsStore(f"sqlite:///{tmp_path / 'nested' / 'operations.sqlite'}")
    store.create_all()
    yield store
    store.close()


def lease_row(name, at=NOON):
    return {"name": name, "holder": "someone", "fence": 1, "acquired_at": at, "expires_at": at}


def test_sqlite_connections_are_durable_against_a_power_cut(store):
    with store.reading() as connection:
        pragma = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "synchronous")
        }
    assert pragma == {"journal_mode": "wal", "synchronous": 2}


def test_create_all_twice_changes_nothing(store):
    with store.writing() as connection:
        connection.execute(insert(leases).values(lease_row("kept")))
    store.create_all()
    with store.reading() as connection:
        assert connection.execute(select(leases.c.name)).scalars().all() == ["kept"]


@pytest.mark.costly
def test_several_processes_may_create_the_tables_at_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'operations.sqlite'}"
    program = f"from order_pipeline.operations.store import OperationsStore as S; S({url!r}).create_all()"
    racers = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(4)]
    failures = [errors for racer in racers if (errors := racer.communicate(timeout=60)[1])]
    assert failures == []
    assert {"pick_outbox", "pick_events", "leases"} <= set(inspect(OperationsStore(url).engine).get_table_names())


def test_a_failed_block_leaves_nothing(store):
    with pytest.raises(StatementError), store.writing() as connection:
        connection.execute(insert(leases), [lease_row("lost"), lease_row("lost")])
    with store.reading() as connection:
        assert connection.execute(select(leases)).all() == []


def test_a_reader_is_not_held_up_by_an_open_writer(store):
    with store.writing() as writer:
        writer.execute(insert(leases).values(lease_row("uncommitted")))
        with store.reading() as reader:
            assert reader.execute(select(leases)).all() == []


def test_times_come_back_aware_and_equal_whatever_zone_they_had(store):
    athens = NOON.astimezone(timezone(timedelta(hours=2)))
    with store.writing() as connection:
        connection.execute(insert(leases).values(lease_row("athens", athens)))
        stored = connection.execute(select(leases.c.expires_at)).scalar_one()
    assert stored == NOON
    assert stored.tzinfo is UTC


def test_a_time_without_zone_is_refused(store):
    with pytest.raises(StatementError, match="without zone"), store.writing() as connection:
        connection.execute(insert(leases).values(lease_row("naive", NOON.replace(tzinfo=None))))
