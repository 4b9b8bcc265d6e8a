"""Leases: one holder at a time, takeover after expiry or death, and no writing by a holder that was replaced."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from order_pipeline.operations.leases import LeaseHeldError, LeaseLostError, acquire, release, renew
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import lease_processes, leases

HOLD_UNTIL_TOLD = """
import sys
from order_pipeline.operations.leases import acquire, describe_holder
from order_pipeline.operations.store import OperationsStore
acquire(OperationsStore(sys.argv[1]), "emission", describe_holder("other"), 60)
print("held", flush=True)
sys.stdin.read()
"""


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


@pytest.fixture
def other_process(store):
    """A process of its own that holds the lease."""
    url = store.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", HOLD_UNTIL_TOLD, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def kill(process):
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table as a zombie


def test_a_killed_process_of_this_machine_is_replaced_at_once_with_a_higher_fence(store, other_process):
    kill(other_process)
    assert acquire(store, "emission", "next", 60).fence == 2


def test_so_is_one_whose_exit_code_was_taken(store, other_process):
    other_process.kill()
    other_process.wait()
    assert acquire(store, "emission", "next", 60).fence == 2


@pytest.mark.parametrize("frozen", [False, True], ids=["at work", "frozen"])
def test_a_living_process_keeps_its_lease(store, other_process, frozen):
    if frozen:
        other_process.send_signal(signal.SIGSTOP)
    with pytest.raises(LeaseHeldError, match=r"run other .* That process is alive"):
        acquire(store, "emission", "next", 60)


@pytest.mark.parametrize("lost", ["another machine's", "an earlier holder's"])
def test_a_process_that_nobody_here_can_judge_keeps_its_lease_until_it_ends(store, other_process, lost):
    kill(other_process)
    changes = {"machine": "elsewhere"} if lost == "another machine's" else {"fence": 0}
    with store.writing() as connection:
        connection.execute(update(lease_processes).values(**changes))
    with pytest.raises(LeaseHeldError, match="if it died, the lease ends by itself"):
        acquire(store, "emission", "next", 60)


def test_a_holder_that_was_wrongly_taken_for_dead_cannot_write_any_more(store):
    first = acquire(store, "emission", "first", 60)
    with store.writing() as connection:
        connection.execute(update(lease_processes).values(started=lease_processes.c.started - 1))
    second = acquire(store, "emission", "second", 60)
    with pytest.raises(LeaseLostError), store.writing() as connection:
        renew(store, connection, first)
    with store.writing() as connection:
        renew(store, connection, second)
