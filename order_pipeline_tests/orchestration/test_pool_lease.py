"""A run of the command line and one of the daemon do not read a channel at once, where its pool admits one run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from order_pipeline.operations.leases import LeaseHeldError, lease_state
from order_pipeline.operations.store import open_store
from order_pipeline.orchestration import pool_lease
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.pool_lease import alone_in_pool
from order_pipeline.settings import Settings

POOL = "kibo_api"
OTHER_RUN = f"""
import sys
from pathlib import Path
from order_pipeline.operations.store import open_store
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.pool_lease import alone_in_pool
from order_pipeline.settings import Settings

settings = Settings(data_dir=Path(sys.argv[1]))
with open_instance(settings) as instance, open_store(settings.resolved_operations_url) as store:
    with alone_in_pool(instance, store, {POOL!r}, "the daemon's", print):
        print("reading", flush=True)
        sys.stdin.readline()
"""


@contextmanager
def another_run(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that reads the channel, until it gets a line."""
    command = [sys.executable, "-c", OTHER_RUN, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "reading\n"
        yield process
        process.kill()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(pool_lease, "ASKED_EVERY", 0.05)
    return Settings(data_dir=tmp_path)


@pytest.mark.costly
def test_the_second_run_waits_for_the_first_and_says_for_whom(settings: Settings) -> None:
    told: list[str] = []
    with (
        another_run(settings.data_dir) as other,
        open_instance(settings) as instance,
        open_store(settings.resolved_operations_url) as store,
    ):

        def say(what: str) -> None:
            told.append(what)
            assert other.poll() is None, "it waits while the other one reads"
            other.communicate("end\n")

        with alone_in_pool(instance, store, POOL, "the command line's", say):
            assert other.poll() == 0
        assert len(told) == 1
        assert "this one waits for it" in told[0]
        assert "run the daemon's" in told[0]
        held = lease_state(store, f"pool:{POOL}")
        assert held is not None
        with store.reading() as connection:
            assert held.expires_at <= store.now(connection), "it was given back"


@pytest.mark.costly
def test_a_killed_run_is_not_waited_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        another_run(settings.data_dir) as other,
        open_instance(settings) as instance,
        open_store(settings.resolved_operations_url) as store,
    ):
        monkeypatch.setattr(pool_lease, "LONGEST_WAIT", -1)
        with pytest.raises(LeaseHeldError), alone_in_pool(instance, store, POOL, "mine", print):
            pass
        other.kill()
        other.wait()
        with alone_in_pool(instance, store, POOL, "mine", print):
            pass


def test_a_pool_with_two_places_is_left_to_dagster(settings: Settings) -> None:
    with open_instance(settings) as instance, open_store(settings.resolved_operations_url) as store:
        instance.event_log_storage.set_concurrency_slots(POOL, 2)
        with alone_in_pool(instance, store, POOL, "one", print), alone_in_pool(instance, store, POOL, "two", print):
            pass
        assert lease_state(store, f"pool:{POOL}") is None


def test_the_lease_is_renewed_while_a_run_reads(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_lease, "RENEWED_EVERY", 0.01)
    with (
        open_instance(settings) as instance,
        open_store(settings.resolved_operations_url) as store,
        alone_in_pool(instance, store, POOL, "mine", print),
    ):
        first = lease_state(store, f"pool:{POOL}")
        while (last := lease_state(store, f"pool:{POOL}")) == first:
            pass
        assert first
        assert last
        assert last.expires_at > first.expires_at
