"""The marts of money and goods: invoices against orders, changes of prices and stock, returns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from order_pipeline_tests.warehouse.marts.world import World

OF_SCANSOURCE = {"source": "scansource", "account": "77", "order_day": "2026-01-05"}
INVOICE = {"invoice_status": "issued", "currency": "EUR"}
INVOICE_LINE = {"line_number": "1", "quantity_shipped": 2, "unit_price": 10, "line_amount": 20, "currency": "EUR"}
PRICE = {**OF_SCANSOURCE, "origin": "pricing_api", "requested_item": "A", "warehouse": "W1", "is_error": False}
PRICE |= {"part_number_type": "1", "business_unit": "", "deal_id": "", "requested_quantity": 1, "currency": "EUR"}
STOCK = {**OF_SCANSOURCE, "origin": "pricing", "item_key": "A", "item_key_type": "1", "warehouse": "W1"}
STOCK |= {"is_error": False}
MONDAY, TUESDAY, WEDNESDAY = (f"2026-01-0{day} 00:00:00+00" for day in (5, 6, 7))


def add_invoice(world: World, order_id: str, number: str = "I1", line: dict[str, Any] | None = None, **invoice: Any):
    """An invoice of one line over the order's first line, with changes of both."""
    ids = {**OF_SCANSOURCE, "invoice_id": f"scansource:77:{number}"}
    world.add("core.invoices", {**INVOICE, **ids, "order_id": order_id, **invoice})
    world.add("core.invoice_lines", {**INVOICE_LINE, **ids, "line_id": f"{order_id}:1", **(line or {})})


def add_billed_order(world: World, line: dict[str, Any] | None = None, **order: Any) -> str:
    """An order of one shipped line, two pieces of ten euros each."""
    shipped = {"line_status": "shipped", "quantity_shipped": 2, **(line or {})}
    return world.add_order("1", shipped, source="scansource", order_status="shipped", **order)


def differences(world: World) -> list[tuple[Any, ...]]:
    names = ("kind", "ordered_value", "invoiced_value", "difference_amount")
    return [tuple(row[name] for name in names) for row in world.mart("invoice_differences", "difference_id")]


def test_an_invoice_that_bills_what_was_ordered_differs_in_nothing(world: World) -> None:
    add_invoice(world, add_billed_order(world), total_amount=25, freight_amount=5)
    assert differences(world) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"unit_price": 11, "line_amount": 22}, [("unit_price", 10, 11, 2)]),
        ({"currency": "USD"}, [("currency", 10, 10, None)]),
        ({"quantity_shipped": 3, "line_amount": 30}, [("quantity_invoiced", 2, 3, 10)]),
        ({"line_id": None}, [("line_unknown", None, 20, None)]),
        ({"unit_price": None, "line_amount": None}, []),
        ({"quantity_shipped": None}, []),
    ],
    ids=["price", "currency", "too many", "no such line", "unknown price", "unknown pieces"],
)
def test_a_line_that_differs_says_in_what_and_by_how_much(
    world: World, line: dict[str, Any], expected: list[tuple[Any, ...]]
) -> None:
    add_invoice(world, add_billed_order(world), line=line)
    assert differences(world) == expected


def test_pieces_count_over_all_invoices_of_the_line(world: World) -> None:
    order = add_billed_order(world)
    add_invoice(world, order, "I1", {"quantity_shipped": 1, "line_amount": 10})
    assert differences(world) == []
    add_invoice(world, order, "I2", {"quantity_shipped": 2})
    assert differences(world) == [("quantity_invoiced", 2, 3, 10)]


@pytest.mark.parametrize(
    ("fetched_at", "expected"), [(TUESDAY, []), ("2026-01-20 00:00:00+00", [("quantity_not_invoiced", 2, 1, -10)])]
)
def test_what_was_shipped_and_is_not_invoiced_after_two_days_is_told(
    world: World, fetched_at: str, expected: list[tuple[Any, ...]]
) -> None:
    order = add_billed_order(world, fetched_at=fetched_at)
    add_invoice(world, order, line={"quantity_shipped": 1, "line_amount": 10})
    assert differences(world) == expected


def test_an_invoice_of_which_only_the_summary_is_known_may_bill_everything(world: World) -> None:
    order = add_billed_order(world, fetched_at="2026-01-20 00:00:00+00")
    ids = {**OF_SCANSOURCE, "invoice_id": "scansource:77:I1", "order_id": order, "invoice_status": "issued"}
    world.add("core.invoices", {**ids, "total_amount": 20})
    assert differences(world) == []


def test_a_channel_without_invoices_lacks_none(world: World) -> None:
    world.add_order("1", {"quantity_shipped": 2}, order_status="shipped", fetched_at="2026-01-20 00:00:00+00")
    assert differences(world) == []


def test_an_invoice_of_an_order_that_we_do_not_have_is_told(world: World) -> None:
    add_invoice(world, "scansource:77:2", total_amount=20)
    assert differences(world) == [("order_unknown", None, 20, None)]


def test_a_total_that_is_not_its_lines_and_charges_is_told(world: World) -> None:
    add_invoice(world, add_billed_order(world), total_amount=26, freight_amount=5)
    assert differences(world) == [("total", 25, 26, 1)]


def test_a_cancelled_invoice_does_not_count(world: World) -> None:
    add_invoice(world, "scansource:77:2", invoice_status="cancelled")
    assert differences(world) == []


def changes(world: World) -> list[tuple[Any, ...]]:
    rows = world.mart("stock_and_price_changes", "fact, seen_at, item")
    return [(row["fact"], row["previous_value"], row["value"], row["change_amount"]) for row in rows]


def test_a_price_that_stays_has_not_changed_and_one_that_moves_has(world: World) -> None:
    for as_of, price in ((MONDAY, 10), (TUESDAY, 10), (WEDNESDAY, 12)):
        world.add("core.prices", {**PRICE, "as_of": as_of, "unit_price": price, "cost": 8})
    assert changes(world) == [("unit_price", 10, 12, 2)]
    (row,) = world.mart("stock_and_price_changes")
    assert (str(row["last_seen_at"])[:10], str(row["seen_at"])[:10]) == ("2026-01-06", "2026-01-07")


def test_answers_to_other_questions_are_not_compared(world: World) -> None:
    world.add("core.prices", {**PRICE, "as_of": MONDAY, "unit_price": 10})
    for question in ({"requested_quantity": 100}, {"warehouse": "W2"}, {"deal_id": "D"}, {"account": "78"}):
        world.add("core.prices", {**PRICE, "as_of": TUESDAY, "unit_price": 8, **question})
    world.add("core.prices", {**PRICE, "as_of": TUESDAY, "unit_price": None, "is_error": True})
    assert changes(world) == []


def test_a_change_of_currency_has_no_amount(world: World) -> None:
    world.add("core.prices", {**PRICE, "as_of": MONDAY, "unit_price": 10})
    world.add("core.prices", {**PRICE, "as_of": TUESDAY, "unit_price": 10, "currency": "USD"})
    assert changes(world) == [("unit_price", 10, 10, None)]


def test_what_an_item_was_sold_at_is_compared_whatever_the_pieces(world: World) -> None:
    sold = {**PRICE, "source": "kibo", "origin": "order_line", "warehouse": "", "part_number_type": "order_line"}
    world.add("core.prices", {**sold, "as_of": MONDAY, "unit_price": 10, "requested_quantity": 1, "line_id": "l1"})
    world.add("core.prices", {**sold, "as_of": TUESDAY, "unit_price": 9, "requested_quantity": 5, "line_id": "l2"})
    assert changes(world) == [("sold_price", 10, 9, -1)]


def test_a_stock_out_ends_with_the_next_change(world: World) -> None:
    for as_of, pieces in ((MONDAY, 3), (TUESDAY, 0), (WEDNESDAY, 4)):
        world.add("core.availability", {**STOCK, "as_of": as_of, "quantity_available": pieces})
    out, back = world.mart("stock_and_price_changes", "seen_at")
    assert (out["is_stock_out"], str(out["next_change_seen_at"])[:10]) == (True, "2026-01-07")
    assert (back["is_stock_out"], back["next_change_seen_at"], back["value"]) == (False, None, Decimal(4))


def returned(world: World) -> dict[str, tuple[Any, ...]]:
    rows = world.ask("SELECT replace(return_id, 'skroutz:shop:', '') AS line, * FROM marts.returns")
    return {row["line"]: (row["is_returned"], row["returned_amount"]) for row in rows}


@pytest.mark.parametrize(
    ("status", "line", "expected"),
    [
        ("returned", {"line_status": "returned"}, (True, 20)),
        ("returned", {"line_status": "cancelled"}, (False, None)),
        ("partially_returned", {"line_status": "shipped", "return_reason": "too small"}, (True, 20)),
        ("partially_returned", {"line_status": "shipped"}, (None, None)),
        ("return_pending", {"line_status": "shipped"}, (None, None)),
        ("delivered", {"line_status": "returned"}, (True, 20)),
        ("returned", {"line_status": "returned", "line_amount": None}, (True, None)),
    ],
)
def test_a_line_comes_back_where_it_or_its_whole_order_says_so(
    world: World, status: str, line: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    world.add_order("1", line, source="skroutz", account="shop", order_status=status)
    assert returned(world) == {"1:1": expected}


def test_the_numbers_of_the_channels_returns_stand_beside_the_lines(world: World) -> None:
    named = '[{"return_uuid": "r-1", "tracking_ids": ["t1", "t2"]}]'
    world.add_order("1", {}, source="skroutz", account="shop", order_status="delivered", returns=named)
    (row,) = world.mart("returns")
    assert (row["return_numbers"], row["tracking_numbers"], row["is_returned"]) == (["r-1"], ["t1", "t2"], None)


def test_orders_that_stay_and_test_orders_are_no_returns(world: World) -> None:
    world.add_order("1", {"line_status": "shipped"}, order_status="delivered")
    world.add_order("2", {"line_status": "returned"}, order_status="returned", is_test=True)
    assert world.mart("returns") == []
