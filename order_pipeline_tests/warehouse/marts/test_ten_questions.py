"""The ten questions of docs/sql.md: the queries stand on the page, and give the answers of a world that is known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.marts.world import ORDER, Row, World

PAGE = Path(__file__).parents[3] / "docs/sql.md"
HEADING = "## Ten questions of a merchant"


def questions(text: str) -> dict[int, str]:
    """Number -> query, of the page's section."""
    section = text.split(f"{HEADING}\n")[1].split("\n## ", maxsplit=1)[0]
    found = re.findall(r"^### (\d+)\. [^\n]+\?\n(?:(?!^###).)*?```sql\n(.*?)```", section, re.MULTILINE | re.DOTALL)
    return {int(number): query for number, query in found}


QUESTIONS = questions(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def known(empty_marts: duckdb.DuckDBPyConnection) -> Iterator[World]:
    """Some orders of three channels, of which a person can tell the answers."""
    empty_marts.execute("BEGIN")
    world = World(empty_marts)
    _add_waiting_orders(world)
    _add_shipped_orders(world)
    _add_prices_stock_and_invoices(world)
    for source, hours in (("kibo", 2), ("skroutz", 30)):
        world.add_fetch(source, "orders", hours, watermark="account", calls=0)
        world.add_fetch(source, "orders", hours, calls=7)
    world.add_fetch("kibo", "orders", 1, calls=3, complete=False, run_id="r2")
    yield world
    empty_marts.execute("ROLLBACK")


def _add_waiting_orders(world: World) -> None:
    """Kibo: one order held for two unknown items, one on the floor. Skroutz: one that is not accepted yet."""
    held = world.add_order("1", {}, {})
    world.add_ready_shipment(held, lines=2)
    for line in (1, 2):
        world.add_pick(held, line, state="held", updated_at="2026-01-05 10:06:00+00")
    sent = world.add_order("2", {})
    world.add_pick(sent, sent_at="2026-01-05 10:30:00+00", updated_at="2026-01-05 10:30:00+00")
    world.add_order("3", {}, source="skroutz", order_status="open", ship_by_at="2026-01-07 00:00:00+00")


def _add_shipped_orders(world: World) -> None:
    """Two Skroutz orders that shipped after two days, one of them too late; the second comes back."""
    fees = {"source": "skroutz", "commission_amount": 2, "platform_fee_amount": 1, "account": "shop"}
    for number, due, status in (("4", 8, "delivered"), ("5", 6, "returned")):
        for fetched_at, event, state in (("05 10:05", None, "accepted"), ("07 12:00", "07T10:00", "dispatched")):
            payload: Row = {"event_time": f"2026-01-{event}:00Z" if event else None}
            payload["order"] = {"code": number, "state": state}
            world.add_version("skroutz_orders", number, f"2026-01-{fetched_at}:00+00", payload)
        line = {"price_includes_tax": True, "tax_rate": Decimal("0.24"), "line_amount": Decimal("24.80")}
        line |= (
            {"line_status": "returned", "return_reason": "too small"}
            if status == "returned"
            else {"line_status": "shipped"}
        )
        ship_by = {"ship_by_at": f"2026-01-0{due} 12:00:00+00", "fetched_at": "2026-01-09 00:00:00+00"}
        world.add_order(number, line, order_status=status, **ship_by, **fees)


def _add_prices_stock_and_invoices(world: World) -> None:
    """ScanSource: one price that rose, one item that is gone, one invoice with another price than the order."""
    of_scansource = {"source": "scansource", "account": "77", "order_day": ORDER["order_day"]}
    price = {**of_scansource, "origin": "pricing_api", "requested_item": "A", "is_error": False, "currency": "USD"}
    stock = {**of_scansource, "origin": "pricing", "item_key": "A", "warehouse": "W1", "is_error": False}
    for day, unit_price, pieces in ((5, 10, 4), (6, 12, 0)):
        world.add("core.prices", {**price, "as_of": f"2026-01-0{day} 00:00:00+00", "unit_price": unit_price})
        world.add("core.availability", {**stock, "as_of": f"2026-01-0{day} 00:00:00+00", "quantity_available": pieces})
    shipped = {"line_status": "shipped", "quantity_shipped": 2, "currency": "USD"}
    order = world.add_order("6", shipped, source="scansource", order_status="shipped", currency="USD")
    invoice = {**of_scansource, "invoice_id": "I", "currency": "USD"}
    world.add("core.invoices", {**invoice, "order_id": order, "invoice_status": "issued"})
    billed = {"quantity_shipped": 2, "unit_price": 11, "line_amount": 22, "line_id": f"{order}:1", "line_number": "1"}
    world.add("core.invoice_lines", {**invoice, **billed})


def answers(known: World, number: int) -> list[Row]:
    return known.ask(QUESTIONS[number])


def picked(rows: list[Row], *names: str) -> list[tuple[object, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def test_the_page_asks_ten_questions() -> None:
    assert sorted(QUESTIONS) == list(range(1, 11))


def test_the_backlog_is_told_by_stage_and_age(known: World) -> None:
    rows = answers(known, 1)
    assert picked(rows, "source", "stage", "a_week_and_more", "orders", "lines_overdue") == [
        ("kibo", "held", 2, 1, 0),
        ("kibo", "on_the_floor", 1, 1, 0),
        ("skroutz", "at_the_channel", 1, 1, 1),
    ]
    assert all(row["under_a_day"] == 0 for row in rows)


def test_cycle_times_are_told_by_what_they_rest_on(known: World) -> None:
    names = ("source", "shipped_basis", "orders", "median_minutes_to_sent", "median_days_to_shipped")
    assert picked(answers(known, 2), *names) == [
        ("kibo", None, 2, 30, None),
        ("scansource", "first_seen", 1, None, 0),
        ("skroutz", "stated", 2, None, 2),
        ("skroutz", None, 1, None, None),
    ]


def test_on_time_counts_what_is_known(known: World) -> None:
    assert picked(answers(known, 3), "source", "on_time", "late", "not_known", "on_time_percent") == [
        ("kibo", 0, 0, 2, None),
        ("scansource", 0, 0, 1, None),
        ("skroutz", 1, 2, 0, 33.3),
    ]


def test_margins_are_of_the_orders_that_tell_them(known: World) -> None:
    rows = {row["source"]: row for row in answers(known, 4)}
    skroutz = rows["skroutz"]
    assert (skroutz["orders"], skroutz["orders_with_margin_before_goods"]) == (3, 2)
    assert (skroutz["net_revenue"], skroutz["fees"], skroutz["margin_before_goods"]) == (40, 6, 34)
    assert (skroutz["orders_with_margin"], skroutz["margin"]) == (0, None)
    assert rows["kibo"]["margin_before_goods"] is None


def test_price_changes_are_told_in_percent(known: World) -> None:
    names = ("source", "fact", "item", "previous_value", "value", "change_percent")
    assert picked(answers(known, 5), *names) == [("scansource", "unit_price", "A", 10, 12, 20.0)]


def test_a_stock_out_that_lasts_is_told(known: World) -> None:
    (row,) = answers(known, 6)
    assert (row["item"], row["warehouse"], row["is_still_out"]) == ("A", "W1", True)
    assert row["hours_out"] > 24


def test_an_invoice_with_another_price_is_told_with_its_money(known: World) -> None:
    names = ("source", "kind", "currency", "differences", "difference_amount")
    assert picked(answers(known, 7), *names) == [("scansource", "unit_price", "USD", 1, 2)]


def test_returns_are_told_by_reason(known: World) -> None:
    names = ("source", "return_reason", "orders", "lines_returned", "lines_not_known", "returned_amount")
    assert picked(answers(known, 8), *names) == [("skroutz", "too small", 1, 1, 0, Decimal("24.80"))]


def test_holds_are_told_by_reason_and_since(known: World) -> None:
    (row,) = answers(known, 9)
    assert (row["source"], row["reason"], row["orders"], row["lines"]) == ("kibo", "unknown_item", 1, 2)
    assert str(row["oldest_since"]) == "2026-01-05 10:06:00+00:00"
    assert row["longest_hours"] > 24


def test_the_health_of_each_channel_is_told(known: World) -> None:
    names = ("source", "lag_minutes", "never_proved", "unproved_windows", "calls_of_a_day", "calls_of_a_week")
    assert picked(answers(known, 10), *names) == [("kibo", 120, 0, 1, 10, 10), ("skroutz", 1800, 0, 0, 0, 7)]


@pytest.mark.parametrize("number", sorted(set(QUESTIONS) - {5, 6, 7, 8}))
def test_the_demo_has_an_answer(demo: Path, number: int) -> None:
    with closing(Lake(Settings(data_dir=demo)).connect(read_only=True)) as connection:
        assert connection.execute(QUESTIONS[number]).fetchall()


def test_a_page_without_a_query_is_noticed() -> None:
    assert questions(f"{HEADING}\n### 1. What?\n\n### 2. Why?\n```sql\nSELECT 1\n```\n## Next\n") == {2: "SELECT 1\n"}
