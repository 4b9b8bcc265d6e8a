"""The contract says what docs/apis/common_schema.md says, and everything generated from it agrees."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from order_pipeline.contracts import (
    CORE_TABLES,
    ContractError,
    contracts_fingerprint,
    create_table_statements,
    find_failures,
    table_contract,
)
from order_pipeline.contracts.enumerations import LINE_STATUSES, ORDER_STATUSES, SHIPMENT_STATUSES
from order_pipeline_tests.contracts.rows import COMMON, GOOD, NOW, SOURCES, frame_of

pytestmark = pytest.mark.every_python


@pytest.mark.parametrize("table", GOOD)
def test_a_good_row_breaks_nothing(table: str) -> None:
    assert find_failures(CORE_TABLES[table], frame_of(table), SOURCES).empty


BROKEN = [
    ("orders", {"order_number": None, "order_id": None}, {("missing_key", "order_number")}),
    ("orders", {"account": ""}, {("missing_key", "account")}),
    ("orders", {"account": "a:b"}, {("missing_key", "account")}),
    ("orders", {"source_status": None}, {("missing_key", "source_status")}),
    ("orders", {"ordered_at": None}, {("bad_timestamp", "ordered_at")}),
    ("orders", {"ordered_at": None, "ordered_at_raw": None}, {("bad_timestamp", "ordered_at")}),
    ("orders", {"currency": "usd"}, {("bad_currency", "currency")}),
    ("orders", {"currency": None, "total_amount": Decimal(1)}, {("bad_currency", "currency")}),
    ("orders", {"order_status": "READY"}, {("bad_enum", "order_status")}),
    ("orders", {"delivery_method": "drone"}, {("bad_enum", "delivery_method")}),
    ("orders", {"is_test": None}, {("bad_json", "is_test")}),
    ("orders", {"source": "ebay"}, {("bad_enum", "source")}),
    ("order_lines", {"line_key": None, "line_id": None}, {("missing_key", "line_key")}),
    ("order_lines", {"sku": None}, {("missing_sku", "sku")}),
    ("order_lines", {"quantity_ordered": None}, {("bad_number", "quantity_ordered")}),
    ("order_lines", {"quantity_ordered": Decimal(-1)}, {("bad_number", "quantity_ordered")}),
    ("order_lines", {"unit_price": Decimal(3)}, {("bad_currency", "currency")}),
    ("order_lines", {"sku": None, "line_status": "gone"}, {("missing_sku", "sku"), ("bad_enum", "line_status")}),
    ("shipments", {"shipment_number": None, "shipment_id": None}, {("missing_key", "shipment_number")}),
    ("shipments", {"shipment_status": "4-100"}, {("bad_enum", "shipment_status")}),
    ("serial_numbers", {"seen_in": ["delivery", "attic"]}, {("bad_enum", "seen_in")}),
    ("invoices", {"invoice_number": None}, {("missing_key", "invoice_number")}),
    ("invoices", {"invoice_status": None}, {("bad_enum", "invoice_status")}),
]


@pytest.mark.parametrize(("table", "change", "expected"), BROKEN)
def test_each_hard_rule_is_named_with_its_field(
    table: str, change: dict[str, object], expected: set[tuple[str, str]]
) -> None:
    failures = find_failures(CORE_TABLES[table], frame_of(table, change), SOURCES)
    assert set(zip(failures["rule"], failures["field"], strict=True)) == expected


NOT_BROKEN = [
    ("orders", {"order_status": "unknown", "source_status": "SOMETHING NEW"}),
    ("invoices", {"invoice_number": None, "invoice_status": "requested"}),
    ("serial_numbers", {"seen_in": []}),
    ("order_lines", {"quantity_ordered": Decimal("0.5")}),
]


@pytest.mark.parametrize(("table", "change"), NOT_BROKEN)
def test_what_the_schema_allows_is_no_failure(table: str, change: dict[str, object]) -> None:
    assert find_failures(CORE_TABLES[table], frame_of(table, change), SOURCES).empty


def test_a_summary_only_row_may_state_an_amount_without_currency() -> None:
    frame = frame_of("orders", {"total_amount": Decimal(1), "is_partial": True})
    assert find_failures(CORE_TABLES["orders"], frame, SOURCES).empty


def test_values_of_personal_columns_are_masked_and_others_are_not() -> None:
    failures = find_failures(CORE_TABLES["order_lines"], frame_of("order_lines", {"currency": "euro"}), SOURCES)
    assert list(failures["value"]) == ["euro"]
    personal = {
        column.name for table in CORE_TABLES.values() for column in table_contract(table).columns if column.personal
    }
    assert {"ship_to_name", "customer_email", "bill_to_vat_number", "note"} <= personal


def test_good_rows_pass_on_whatever_stands_beside_them() -> None:
    frame = frame_of("order_lines", {}, {"sku": None}, {"line_key": "6"}, {"quantity_ordered": Decimal(-3)})
    assert set(find_failures(CORE_TABLES["order_lines"], frame, SOURCES)["row"]) == {1, 3}


def test_a_frame_of_the_wrong_shape_is_a_defect_not_a_reject() -> None:
    with pytest.raises(ContractError, match="line_status"):
        find_failures(CORE_TABLES["order_lines"], frame_of("order_lines").drop(columns=["line_status"]), SOURCES)
    floats = frame_of("order_lines").astype({"unit_price": "float64"})
    with pytest.raises(ContractError, match="unit_price"):
        find_failures(CORE_TABLES["order_lines"], floats, SOURCES)


@pytest.mark.costly
@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "order_status": st.sampled_from([*ORDER_STATUSES, "bogus", ""]),
                "currency": st.sampled_from(["USD", "EUR", "us", None]),
                "total_amount": st.none() | st.decimals(-9999, 9999, places=4),
                "order_number": st.none() | st.text(min_size=1, max_size=3),
                "ordered_at": st.none() | st.just(NOW),
            },
        ),
        min_size=1,
        max_size=12,
    )
)
def test_exactly_the_bad_rows_have_a_failure(changes: list[dict[str, object]]) -> None:
    frame = frame_of("orders", *changes)
    failures = find_failures(CORE_TABLES["orders"], frame, SOURCES)
    for position, change in enumerate(changes):
        row = {**COMMON, **GOOD["orders"], **change}
        is_bad = (
            row["order_status"] not in ORDER_STATUSES
            or row["order_number"] is None
            or row["ordered_at"] is None
            or row.get("currency") == "us"
            or (row.get("currency") is None and row.get("total_amount") is not None)
        )
        assert (position in set(failures["row"])) == is_bad


@pytest.mark.parametrize("table", CORE_TABLES)
def test_ddl_and_model_agree(table: str) -> None:
    contract = table_contract(CORE_TABLES[table])
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA core")
        for statement in create_table_statements(CORE_TABLES[table], "core", partitioned=False):
            connection.execute(statement)
        made = connection.execute(f"DESCRIBE core.{table}").fetchall()
    wanted = [(column.name, column.duckdb_type, column.nullable) for column in contract.columns]
    types = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
    assert [(row[0], types.get(row[1], row[1]), row[2] == "YES") for row in made] == wanted


def test_the_ten_tables_have_the_keys_and_the_statuses_of_the_common_schema() -> None:
    assert list(CORE_TABLES) == [
        "orders",
        "order_lines",
        "shipments",
        "shipment_lines",
        "parcels",
        "serial_numbers",
        "invoices",
        "invoice_lines",
        "prices",
        "availability",
    ]
    assert table_contract(CORE_TABLES["shipment_lines"]).key == ("shipment_id", "shipment_line_key")
    assert {name for name, model in CORE_TABLES.items() if table_contract(model).append_only} == {
        "prices",
        "availability",
    }
    for statuses in (ORDER_STATUSES, SHIPMENT_STATUSES, LINE_STATUSES):
        assert "unknown" in statuses
    assert contracts_fingerprint([CORE_TABLES["orders"]]) != contracts_fingerprint([CORE_TABLES["parcels"]])


@pytest.mark.costly
def test_a_process_that_reads_the_contracts_does_not_load_dask_and_still_can() -> None:
    program = (
        "import sys, order_pipeline.contracts as contracts; contracts.table_contract(contracts.CORE_TABLES['orders'])\n"
        "from importlib.util import find_spec; print('dask' in sys.modules, bool(find_spec('dask.dataframe')))"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told.split() == ["False", "True"]
