"""How the days of a build are divided, and that it shows in nothing but memory."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.contracts import CORE_TABLES
from order_pipeline.settings import LakeSettings
from order_pipeline.warehouse.core.build import CoreResult
from order_pipeline.warehouse.core.chunk import ChunkTask
from order_pipeline.warehouse.core.plan import MOST_DAYS, divide, group_days
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import DAY, build, kibo_item, kibo_order, kibo_shipment, receive, rows
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

NEXT_DAY = DAY + timedelta(days=1)
SMALL_CHUNKS = LakeSettings(lock_timeout_seconds=20, build_chunk_bytes=20_000)


def receive_all_kinds(lake: Lake) -> None:
    """Two days: good orders, a bad one, a bad line, a line that came twice, and one that came twice differently."""
    orders = [kibo_order(number, total=number) for number in range(1, 9)]
    orders += [kibo_order(9, total="bad"), kibo_order(10, kibo_shipment(100, kibo_item(1), kibo_item(2, quantity="x")))]
    orders += [kibo_order(11, kibo_shipment(110, kibo_item(1), kibo_item(1)))]
    orders += [kibo_order(12, kibo_shipment(120, kibo_item(1), kibo_item(1, sku="another")))]
    receive(lake, orders)
    receive(lake, [kibo_order(1, total=100)])
    receive(lake, [kibo_order(20, orderDate="2026-01-06T10:00:00Z", orderStatus="NEVER_HEARD_OF")], day=NEXT_DAY)


@pytest.fixture
def other(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Another lake with the same raw rows, whose chunks are small."""
    receive_all_kinds(lake)
    lake.close()
    directory = tmp_path_factory.mktemp("the same raw rows") / "data"
    shutil.copytree(lake.settings.data_dir, directory)
    other = Lake(settings_in(directory, SMALL_CHUNKS))
    yield other
    other.close()


class Recording(Executor):
    """Stages at once, in the caller's thread, what can be pickled; keeps the tasks."""

    def __init__(self) -> None:
        self.tasks: list[ChunkTask] = []

    def submit(self, fn: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        self.tasks += arguments
        done.set_result(pickle.loads(pickle.dumps(fn(*pickle.loads(pickle.dumps(arguments)), **named))))
        return done


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


def assert_same_result(one: CoreResult, other: CoreResult) -> None:
    for name in ("days", "rows", "rejected_rows", "rejects_by_rule", "quarantine", "warnings"):
        assert getattr(one, name) == getattr(other, name), name


@pytest.mark.costly
def test_a_day_in_shares_gives_the_same_core_quarantine_and_warnings(lake: Lake, other: Lake) -> None:
    whole, shares = Recording(), Recording()
    built_whole = build(lake, executor=whole)
    built_in_shares = build(other, executor=shares)
    assert [task.share for task in whole.tasks] == [None]
    assert len([task for task in shares.tasks if task.days == (DAY,) and task.share]) > 3
    assert everything_built(other) == everything_built(lake)
    assert {"bad_number", "parent_rejected", "duplicate_key"} <= set(built_whole.rejects_by_rule)
    assert {"unknown_status", "line_sum"} <= {warning.rule for warning in built_whole.warnings}
    assert built_whole.rows["prices"] == built_whole.rows["order_lines"] > 8
    assert_same_result(built_in_shares, built_whole)
    build(other, DAY, NEXT_DAY)
    assert everything_built(other) == everything_built(lake)


@pytest.mark.slow
def test_chunks_staged_in_other_processes_give_the_same_rows(lake: Lake, other: Lake) -> None:
    built_here = build(lake)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        built_there = build(other, executor=processes)
    assert_same_result(built_there, built_here)
    assert everything_built(other) == everything_built(lake)


days_with_sizes = st.dictionaries(st.integers(0, 90).map(lambda n: DAY + timedelta(days=n)), st.integers(0, 40))


@given(days_with_sizes, st.integers(1, 50))
def test_groups_hold_every_day_once_in_order_and_are_bounded(sizes: dict[Any, float], most: int) -> None:
    groups = group_days(sizes, most)
    assert [day for group in groups for day in group] == list(sizes)
    for group in groups:
        assert len(group) <= MOST_DAYS
        assert len(group) == 1 or sum(sizes[day] for day in group) <= most


@given(days_with_sizes, st.integers(1, 50))
def test_only_a_day_larger_than_a_chunk_goes_in_shares(sizes: dict[Any, float], most: int) -> None:
    for days, share in divide(sizes, most):
        size = sum(sizes[day] for day in days)
        assert (share is None) == (size <= most)
        if share:
            assert len(days) == 1
            assert size / share.count <= most
    whole_days = [day for days, share in divide(sizes, most) if not share or share.number == 0 for day in days]
    assert sorted(whole_days) == sorted(sizes)
