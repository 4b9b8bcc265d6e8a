"""Nothing of the lake and the operations store is without a sentence, a unit, or its source."""

from __future__ import annotations

from dataclasses import replace

import pytest

from order_pipeline.dictionary.completeness import what_is_missing
from order_pipeline.dictionary.entries import ColumnEntry, TableEntry
from order_pipeline.dictionary.source_fields import PAGE, source_fields
from order_pipeline.dictionary.tables import read_dictionary, schema_sentences
from order_pipeline.dictionary.units import unit_of
from order_pipeline.warehouse.sql.project import SqlProject

COLUMN = ColumnEntry(name="total", kind="DECIMAL(18,4)", sentence="All.", unit="amount in currency", is_personal=False)
TABLE = TableEntry(schema="marts", name="m", what="view", sentence="A mart.", columns=(COLUMN,))


@pytest.fixture(scope="module")
def entries() -> list[TableEntry]:
    return read_dictionary(SqlProject())


@pytest.fixture(scope="module")
def by_name(entries: list[TableEntry]) -> dict[str, TableEntry]:
    return {entry.relation: entry for entry in entries}


@pytest.mark.costly
def test_no_schema_table_or_column_is_without_a_sentence_or_a_unit(entries: list[TableEntry]) -> None:
    assert list(what_is_missing(entries, schema_sentences())) == []


@pytest.mark.parametrize(
    ("entry", "missing"),
    [
        (replace(TABLE, sentence="?"), "marts.m: no sentence"),
        (replace(TABLE, columns=(replace(COLUMN, sentence="?"),)), "marts.m.total: no sentence"),
        (replace(TABLE, columns=(replace(COLUMN, unit=""),)), "marts.m.total: a DECIMAL(18,4) without a unit"),
        (replace(TABLE, schema="other"), "other: no sentence"),
    ],
)
def test_what_has_no_sentence_or_unit_is_named(entry: TableEntry, missing: str) -> None:
    assert missing in list(what_is_missing([entry], schema_sentences()))


def test_a_core_column_that_the_page_of_the_schema_does_not_have_is_named() -> None:
    page = PAGE.read_text("utf-8").replace("| order_type |", "| order_kind |")
    assert list(what_is_missing([], {}, page)) == ["core.orders.order_type: no row in docs/apis/common_schema.md"]


def test_lake_and_operations_store_are_whole(by_name: dict[str, TableEntry]) -> None:
    schemas = {entry.schema for entry in by_name.values()}
    assert schemas == set(schema_sentences())
    assert {"core.orders", "raw.fetches", "quarantine.rejects", "ops.pick_outbox", "ops.webhook_inbox"} <= set(by_name)
    assert "marts.pick_lines" in by_name


def test_a_column_of_core_has_its_rules_and_the_fields_it_comes_from(by_name: dict[str, TableEntry]) -> None:
    columns = {column.name: column for column in by_name["core.orders"].columns}
    assert columns["order_status"].rules[0].startswith("bad_enum: order_status IS NULL")
    assert columns["ordered_at"].fields["kibo"] == "orderDate"
    assert columns["last_shipped_on_raw"].fields == {"scansource": "LastShipDate"}
    assert columns["ship_to_name"].is_personal
    assert by_name["core.orders"].key == ("order_id",)


def test_a_view_names_what_it_reads_and_the_checks_that_look_at_a_table(by_name: dict[str, TableEntry]) -> None:
    assert "core.orders" in by_name["marts.order_status"].reads
    assert "staging.stg_kibo__orders" in by_name["core.orders"].reads
    assert "no_lines" in by_name["core.orders"].checks
    assert by_name["raw.kibo_orders_current"].reads == ("raw.kibo_orders", "raw.reappearances")


@pytest.mark.parametrize(
    ("channel", "column", "field"),
    [
        ("skroutz", "pickup_until_at", "pickup_window.to"),
        ("scansource", "sales_rep_name", "SalesRepName"),
        ("skroutz", "bill_to_tax_office", "invoice_details doy"),
        ("scansource", "ship_to_postal_code", "PostalCode"),
        ("kibo", "order_id", "derived"),
        ("kibo", "expires_at", None),
    ],
)
def test_a_row_of_the_page_about_several_columns_is_told_apart(channel: str, column: str, field: str | None) -> None:
    assert source_fields()["orders"][column].get(channel) == field


@pytest.mark.parametrize(
    ("name", "kind", "unit"),
    [
        ("list_price", "DECIMAL(18,4)", "amount in list_price_currency"),
        ("unit_price", "DECIMAL(18,4)", "amount in currency"),
        ("quantity_shipped", "DECIMAL(18,3)", "pieces"),
        ("tax_rate", "DECIMAL(9,6)", "fraction: 0.24 is 24 %"),
        ("age_hours", "DOUBLE", "hours"),
        ("orders", "BIGINT", "number"),
        ("ordered_at", "TIMESTAMP WITH TIME ZONE", "UTC"),
        ("something", "DOUBLE", ""),
        ("order_id", "VARCHAR", ""),
    ],
)
def test_the_unit_follows_from_type_and_name(name: str, kind: str, unit: str) -> None:
    assert unit_of(name, kind, ("list_price_currency", "currency")) == unit
