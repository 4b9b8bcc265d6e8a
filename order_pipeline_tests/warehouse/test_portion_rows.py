"""What a portion reads as current is what the view of current versions says, however the rows are reached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import pytest

from order_pipeline.warehouse.core.batches import Portion, RawResource
from order_pipeline.warehouse.core.portion_rows import find_single, portion_sources
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.scratch import scratch_space
from order_pipeline_tests.warehouse.kibo_orders import DAY, kibo_order, receive

NEXT_DAY = DAY + timedelta(days=1)
ORDERS = RawResource("kibo", "orders", exists=True)
COLUMNS = "record_id, partition_day, content_sha256, payload, fetched_at, current_since"


def moved(number: int) -> dict[str, object]:
    return kibo_order(number, orderDate="2026-01-06T10:00:00Z")


def read(lake: Lake, portions: Sequence[Portion], relation: str) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    with lake.connect() as connection, scratch_space(connection) as scratch:
        for portion in portions:
            orders = find_single(connection, [ORDERS], portion.days)
            sources = portion_sources(connection, orders, portion, scratch.batch)
            found += connection.execute(f"SELECT {COLUMNS} FROM {sources['raw', relation]}").fetchall()
    return sorted(found)


def by_the_view(lake: Lake, days: Sequence[date]) -> list[tuple[object, ...]]:
    with lake.connect() as connection:
        return sorted(
            connection.execute(
                f"SELECT {COLUMNS} FROM raw.kibo_orders_current WHERE partition_day IN (SELECT unnest(?::DATE[]))",
                [list(days)],
            ).fetchall()
        )


@pytest.mark.parametrize(
    ("received", "one_each"),
    [
        ([[kibo_order(1), kibo_order(2)]], True),
        ([[kibo_order(1), moved(2)]], True),
        ([[kibo_order(1), kibo_order(2)], [kibo_order(1, total=9)]], False),
        ([[kibo_order(1), kibo_order(2)], [moved(1)]], False),
        ([[kibo_order(1)], [kibo_order(1, total=9)], [kibo_order(1)]], False),
    ],
    ids=["new", "two days", "changed", "moved to another day", "changed and back"],
)
@pytest.mark.parametrize("days", [(DAY,), (NEXT_DAY,), (DAY, NEXT_DAY)], ids=["first", "second", "both"])
@pytest.mark.parametrize("keys", [(), ("1", "2"), ("15",), ("2", "3")])
def test_a_portion_holds_the_current_versions(
    lake: Lake, received: list[list[dict[str, object]]], one_each: bool, days: tuple[date, ...], keys: tuple[str, ...]
) -> None:
    for orders in received:
        for day in (DAY, NEXT_DAY):
            receive(lake, [order for order in orders if str(order["orderDate"]).startswith(day.isoformat())], day=day)
    with lake.connect() as connection:
        (orders,) = find_single(connection, [ORDERS], (DAY, NEXT_DAY))
    assert one_each == (orders.single_as_of is not None)
    portions = [Portion(days, *bounds) for bounds in pairwise([None, *keys, None])]
    assert read(lake, portions, "kibo_orders_current") == by_the_view(lake, days)


def test_a_version_that_comes_while_a_portion_is_read_is_left_to_the_next_build(lake: Lake) -> None:
    receive(lake, [kibo_order(1)])
    with lake.connect() as connection, scratch_space(connection) as scratch:
        orders = find_single(connection, [ORDERS], (DAY,))
        sources = portion_sources(connection, orders, Portion((DAY,)), scratch.batch)
        receive(lake, [kibo_order(1, total=9)])
        found = connection.execute(f"SELECT count(*) FROM {sources['raw', 'kibo_orders_current']}").fetchone()
    assert found == (1,)
