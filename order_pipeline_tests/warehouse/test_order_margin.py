"""marts.order_margin over invented rows of core, in a DuckDB of its own: what is not known is NULL and never 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from order_pipeline.contracts import CORE_TABLES, create_table_statements
from order_pipeline_tests.warehouse.kibo_orders import project

ORDERED_AT = "2026-01-05 10:00:00+00"
ORDER = {
    "account": "77",
    "order_number": "1",
    "ordered_at": ORDERED_AT,
    "order_day": "2026-01-05",
    "order_status": "accepted",
    "currency": "EUR",
    "is_test": False,
}
LINE = {
    "account": "77",
    "sku": "A",
    "quantity_ordered": 2,
    "line_amount": 124,
    "currency": "EUR",
    "line_status": "open",
}
PRICE = {
    "origin": "pricing_api",
    "account": "77",
    "requested_item": "A",
    "as_of": "2026-01-04 00:00:00+00",
    "currency": "EUR",
    "is_error": False,
    "cost": 30,
}
FEES = {"commission_amount": 10, "platform_fee_amount": 2}


@pytest.fixture
def core() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA core")
        for name in ("orders", "order_lines", "prices"):
            for statement in create_table_statements(CORE_TABLES[name], "core", partitioned=False):
                connection.execute(statement.replace(" NOT NULL", ""))
        yield connection


def add(core: duckdb.DuckDBPyConnection, table: str, *rows: Mapping[str, Any]) -> None:
    for row in rows:
        places = ", ".join("?" for _ in row)
        core.execute(f"INSERT INTO core.{table} ({', '.join(row)}) VALUES ({places})", list(row.values()))


def margin(core: duckdb.DuckDBPyConnection, source: str, *lines: Mapping[str, Any], **order: Any) -> dict[str, Any]:
    """The one row of an order with these lines, each `LINE` with changes."""
    order_id = f"{source}:77:1"
    add(core, "orders", {**ORDER, "source": source, "order_id": order_id, **order})
    add(core, "order_lines", *({**LINE, "source": source, "order_id": order_id, **line} for line in lines or ({},)))
    (row,) = margins(core)
    return row


def margins(core: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    cursor = core.execute(project().graph["order_margin"].sql)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("missing", FEES)
def test_a_fee_that_is_not_known_leaves_the_margin_unknown(core: duckdb.DuckDBPyConnection, missing: str) -> None:
    found = margin(core, "skroutz", {"price_includes_tax": False}, **{**FEES, missing: None})
    assert found["net_revenue_amount"] == 124
    assert (found[missing], found["fees_amount"], found["margin_before_goods_amount"]) == (None, None, None)


def test_a_fee_that_the_channel_does_not_have_is_none_to_wait_for(core: duckdb.DuckDBPyConnection) -> None:
    found = margin(core, "kibo", {"price_includes_tax": False}, platform_fee_amount=2)
    assert (found["commission_amount"], found["fees_amount"], found["margin_before_goods_amount"]) == (None, 2, 122)


def test_a_channel_whose_fees_nobody_described_needs_both(core: duckdb.DuckDBPyConnection) -> None:
    found = margin(core, "cornershop", {"price_includes_tax": False}, platform_fee_amount=2)
    assert found["margin_before_goods_amount"] is None


@pytest.mark.parametrize(
    ("line", "basis", "net"),
    [
        ({"price_includes_tax": False}, "without_tax", Decimal(124)),
        ({"price_includes_tax": True, "tax_rate": Decimal("0.24")}, "with_tax", Decimal(100)),
        ({"price_includes_tax": True, "tax_amount": 20}, "with_tax", Decimal(104)),
        ({"price_includes_tax": True}, "with_tax", None),
        ({}, "unknown", None),
    ],
)
def test_revenue_says_its_tax_basis_and_compares_without_tax(
    core: duckdb.DuckDBPyConnection, line: dict[str, Any], basis: str, net: Decimal | None
) -> None:
    found = margin(core, "skroutz", line, **FEES)
    assert (found["tax_basis"], found["stated_revenue_amount"], found["net_revenue_amount"]) == (basis, 124, net)
    assert found["margin_before_goods_amount"] == (None if net is None else net - 12)


def test_lines_of_both_bases_are_mixed(core: duckdb.DuckDBPyConnection) -> None:
    found = margin(core, "skroutz", {"price_includes_tax": False}, {"price_includes_tax": True}, **FEES)
    assert (found["tax_basis"], found["net_revenue_amount"]) == ("mixed", None)


@pytest.mark.parametrize(
    ("total", "tax", "basis"), [(150, 21, "without_tax"), (124, 21, "unknown"), (129, None, "unknown")]
)
def test_a_total_that_adds_up_shows_the_basis_that_no_line_states(
    core: duckdb.DuckDBPyConnection, total: int, tax: int | None, basis: str
) -> None:
    found = margin(core, "scansource", total_amount=total, tax_amount=tax, shipping_amount=5)
    assert found["tax_basis"] == basis


@pytest.mark.parametrize(
    ("prices", "cost"),
    [
        ([{}], Decimal(60)),
        ([{"as_of": "2026-01-02 00:00:00+00", "cost": 20}, {}], Decimal(60)),
        ([{"as_of": "2026-01-07 00:00:00+00", "cost": 40}, {"as_of": "2026-01-06 00:00:00+00"}], Decimal(60)),
        ([{"currency": "USD"}], None),
        ([{"is_error": True}], None),
        ([{"account": "78"}], None),
        ([{"requested_item": "B"}], None),
        ([{"cost": None}], None),
        ([], None),
    ],
)
def test_the_cost_of_the_price_list_is_used_where_it_is_known(
    core: duckdb.DuckDBPyConnection, prices: list[dict[str, Any]], cost: Decimal | None
) -> None:
    add(core, "prices", *({**PRICE, "source": "scansource", **price} for price in prices))
    found = margin(core, "scansource", {"price_includes_tax": False})
    assert (found["cost_amount"], found["lines_without_cost"]) == (cost, int(cost is None))
    assert found["margin_before_goods_amount"] == 124
    assert found["margin_amount"] == (None if cost is None else 124 - cost)


def test_one_line_without_an_amount_leaves_the_revenue_unknown(core: duckdb.DuckDBPyConnection) -> None:
    stated = {"price_includes_tax": False}
    found = margin(core, "kibo", stated, {**stated, "line_amount": None}, platform_fee_amount=2)
    assert (found["lines_without_amount"], found["stated_revenue_amount"], found["margin_amount"]) == (1, None, None)


def test_lines_of_another_currency_stand_in_a_row_of_their_own(core: duckdb.DuckDBPyConnection) -> None:
    add(core, "order_lines", {**LINE, "source": "kibo", "order_id": "kibo:77:1", "price_includes_tax": False})
    add(core, "order_lines", {**LINE, "source": "kibo", "order_id": "kibo:77:1", "currency": "USD"})
    add(core, "orders", {**ORDER, "source": "kibo", "order_id": "kibo:77:1", "platform_fee_amount": 2})
    found = {row["currency"]: (row["stated_revenue_amount"], row["platform_fee_amount"]) for row in margins(core)}
    assert found == {"EUR": (124, 2), "USD": (124, None)}


def test_cancelled_lines_and_test_orders_are_no_revenue(core: duckdb.DuckDBPyConnection) -> None:
    stated = {"price_includes_tax": False}
    found = margin(core, "kibo", stated, {**stated, "line_status": "cancelled"}, platform_fee_amount=2)
    assert found["stated_revenue_amount"] == 124
    core.execute("UPDATE core.order_lines SET line_status = 'cancelled'")
    (found,) = margins(core)
    assert (found["stated_revenue_amount"], found["margin_before_goods_amount"]) == (None, None)
    core.execute("UPDATE core.orders SET is_test = true")
    assert margins(core) == []
