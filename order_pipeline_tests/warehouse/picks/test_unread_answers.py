"""An answer about a known order that could not be had or read holds the order's picks until the order is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from order_pipeline.channels.base import CommitGroup, DeadLetter, RecordBatch, SourceState, Window
from order_pipeline.channels.payloads import Payloads
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline_tests.warehouse.kibo_orders import DAY, WINDOW, build, kibo_item, kibo_order, kibo_shipment, receive
from order_pipeline_tests.warehouse.picks.pick_lists import (
    deploy_marts,
    holds,
    load_locations,
    picks,
    skroutz_line,
    skroutz_record,
)
from order_pipeline_tests.warehouse.poisoned_records import build_from

pytestmark = pytest.mark.costly

ORDERS = [kibo_order(number, kibo_shipment(number * 10, kibo_item(number * 100, sku="A"))) for number in (1, 2)]


def test_what_is_older_than_the_last_answer_is_held_until_the_order_is_read(lake: Lake) -> None:
    migrate(lake)
    receive(lake, ORDERS)
    build(lake, DAY)
    load_locations(lake)
    deploy_marts(lake)
    assert (holds(lake, "1"), holds(lake, "2")) == ({None}, {None})

    refused = DeadLetter("refused_call", "orderID", "answered 400", b"1\n", DAY, "1")
    receive(lake, [], dead_letters=[refused], run_id="refused")
    build(lake, DAY)
    (pick,) = picks(lake, "1")
    assert pick["hold_reason"] == "quarantined"
    assert pick["hold_detail"].endswith("in the quarantine): refused_call on orderID")
    assert holds(lake, "2") == {None}

    receive(lake, ORDERS[:1], run_id="read")
    build(lake, DAY)
    assert holds(lake, "1") == {None}


def test_an_order_of_which_something_unreadable_came_is_read_first(lake: Lake) -> None:
    migrate(lake)
    build_from(lake, "skroutz", [skroutz_record("S1", skroutz_line(1)), skroutz_record("S2", skroutz_line(2))])
    state = WarehouseState(lake, "skroutz")
    assert state.awaiting_read("shop") == {}
    unreadable = DeadLetter("bad_json", "payload", "not JSON", b'{"code": "S1"', DAY, "S1")
    batch = RecordBatch("orders", [], [], Payloads([]), [unreadable])

    async def event(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        yield CommitGroup([batch])

    asyncio.run(ingest(lake, "skroutz", event, WINDOW, state, "event"))
    assert state.awaiting_read("shop") == {"S1": DAY}
