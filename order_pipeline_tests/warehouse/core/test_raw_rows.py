"""What a chunk reads as current is what the view of current versions says, however the rows are stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import duckdb
import pytest

from order_pipeline.warehouse.core.raw_rows import Share, find_raw_files, find_raw_rows, open_raw_rows
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.upkeep import upkeep
from order_pipeline_tests.warehouse.kibo_orders import DAY, build, kibo_order, receive, rows

pytestmark = pytest.mark.costly

NEXT_DAY = DAY + timedelta(days=1)
COLUMNS = "record_id, partition_day, content_sha256, payload, fetched_at, current_since"


def moved(number: int) -> dict[str, object]:
    return kibo_order(number, orderDate="2026-01-06T10:00:00Z")


def as_chunks_read_them(lake: Lake, days: Sequence[date], shares: Sequence[Share | None]) -> list[tuple[object, ...]]:
    """The current rows, read by databases that have no catalog."""
    with lake.snapshot() as connection:
        files = find_raw_files(connection, "kibo", ["orders"], days)
        (orders,) = find_raw_rows(connection, "kibo", files, days)
    found: list[tuple[object, ...]] = []
    for share in shares:
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("CREATE SCHEMA raw")
            open_raw_rows(connection, orders, days, share)
            found += connection.execute(f"SELECT {COLUMNS} FROM raw.kibo_orders_current").fetchall()
    return sorted(found)


def by_the_view(lake: Lake, days: Sequence[date]) -> list[tuple[object, ...]]:
    chosen = ", ".join(f"DATE '{day}'" for day in days)
    return sorted(rows(lake, f"SELECT {COLUMNS} FROM raw.kibo_orders_current WHERE partition_day IN ({chosen})"))


@pytest.mark.parametrize(
    "received",
    [
        [[kibo_order(1), kibo_order(2)]],
        [[kibo_order(1), moved(2)]],
        [[kibo_order(1), kibo_order(2)], [kibo_order(1, total=9)]],
        [[kibo_order(1), kibo_order(2)], [moved(1)]],
        [[kibo_order(1)], [kibo_order(1, total=9)], [kibo_order(1)]],
        [[kibo_order(1)], [moved(1)], [kibo_order(1)]],
    ],
    ids=["new", "two days", "changed", "moved to another day", "changed and back", "moved and back"],
)
def test_a_chunk_holds_the_current_versions(lake: Lake, received: list[list[dict[str, object]]]) -> None:
    for orders in received:
        for day in (DAY, NEXT_DAY):
            receive(lake, [order for order in orders if str(order["orderDate"]).startswith(day.isoformat())], day=day)
    for days in [(DAY,), (NEXT_DAY,), (DAY, NEXT_DAY)]:
        for shares in ([None], [Share(number, 3) for number in range(3)]):
            assert as_chunks_read_them(lake, days, shares) == by_the_view(lake, days), (days, shares)


def test_deleted_raw_rows_are_not_read_again(lake: Lake) -> None:
    receive(lake, [kibo_order(number) for number in range(1, 30)])
    lake.run("forget", lambda connection: connection.execute("DELETE FROM raw.kibo_orders WHERE record_id = '1'"))
    assert as_chunks_read_them(lake, [DAY], [None]) == by_the_view(lake, [DAY])
    assert build(lake, DAY).rows["orders"] == 28


def test_raw_rows_that_upkeep_merged_are_read_as_before(lake: Lake) -> None:
    for number in range(1, 6):
        receive(lake, [kibo_order(number), kibo_order(100 + number)])
        receive(lake, [kibo_order(1, total=number)])
    before = as_chunks_read_them(lake, [DAY], [None])
    upkeep(lake)
    assert as_chunks_read_them(lake, [DAY], [None]) == before == by_the_view(lake, [DAY])
