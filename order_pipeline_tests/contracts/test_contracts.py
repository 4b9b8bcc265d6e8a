"""The contract says what common_schema.md says, and everything generated from it agrees."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from order_pipeline.contracts import (
    CORE_TABLES,
    ContractError,
    column_schema,
    columns_to_check,
    contracts_fingerprint,
    create_table_statements,
    find_failures,
    table_contract,
    validate,
    validation,
)
from order_pipeline.contracts.base import read_by_row_rules, row_mask
from order_pipeline.contracts.enumerations import LINE_STATUSES, ORDER_STATUSES, SHIPMENT_STATUSES

pytestmark = pytest.mark.every_python

NOW = datetime(2026, 1, 2, tzinfo=UTC)
COMMON = {
    "source": "kibo",
    "account": "77",
    "order_day": date(2026, 1, 1),
    "raw_record_id": "1",
    "raw_sha256": "a" * 64,
    "fetched_at": NOW,
    "run_id": "run",
}
GOOD = {
    "orders": {
        "order_id": "kibo:77:1",
        "order_number": "1",
        "order_status": "open",
        "source_status": "AVAILABLE",
        "ordered_at": NOW,
        "ordered_at_raw": "2026-01-02T00:00:00Z",
        "is_test": False,
        "is_fraud_locked": False,
    },
    "order_lines": {
        "line_id": "kibo:77:1:5",
        "order_id": "kibo:77:1",
        "line_key": "5",
        "sku": "A",
        "quantity_ordered": Decimal(1),
        "price_basis": "unit",
        "line_status": "open",
    },
    "shipments": {
        "shipment_id": "kibo:77:1:9",
        "order_id": "kibo:77:1",
        "shipment_number": "9",
        "is_derived": False,
        "shipment_status": "ready",
    },
    "serial_numbers": {
        "order_id": "kibo:77:1",
        "line_key": "-",
        "serial_number": "S1",
        "seen_in": ["delivery"],
    },
    "invoices": {"invoice_id": "kibo:77:R1", "invoice_number": "R1", "invoice_status": "issued"},
}


def frame_of(table: str, *changes: dict[str, object]) -> pd.DataFrame:
    """One good row, or one for each set of changes, with the contract's Arrow types."""
    contract = table_contract(CORE_TABLES[table])
    rows = [COMMON | GOOD[table] | change for change in changes or ({},)]
    columns = {
        column.name: pa.array([row.get(column.name) for row in rows], column.arrow_type) for column in contract.columns
    }
    return pa.table(columns).to_pandas(types_mapper=pd.ArrowDtype)


@pytest.mark.parametrize("table", GOOD)
def test_a_good_row_breaks_nothing(table: str) -> None:
    good, failures = validate(CORE_TABLES[table], frame_of(table))
    assert (len(good), len(failures)) == (1, 0)


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
    failures = find_failures(CORE_TABLES[table], frame_of(table, change))
    assert set(zip(failures["rule"], failures["field"], strict=True)) == expected


NOT_BROKEN = [
    ("orders", {"source": "skroutz", "total_amount": Decimal(1)}),
    ("orders", {"order_status": "unknown", "source_status": "SOMETHING NEW"}),
    ("invoices", {"source": "skroutz", "invoice_number": None, "invoice_status": "requested"}),
    ("serial_numbers", {"seen_in": []}),
    ("order_lines", {"quantity_ordered": Decimal("0.5")}),
]


@pytest.mark.parametrize(("table", "change"), NOT_BROKEN)
def test_what_the_schema_allows_is_no_failure(table: str, change: dict[str, object]) -> None:
    assert find_failures(CORE_TABLES[table], frame_of(table, change)).empty


@pytest.mark.parametrize(("table", "change"), [*((table, change) for table, change, _ in BROKEN), *NOT_BROKEN])
def test_leaving_out_columns_that_hold_finds_what_the_whole_model_finds(
    table: str, change: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, frame = CORE_TABLES[table], frame_of(table, {}, change)
    assert len(validation.columns_that_hold(model, frame)) > len(frame.columns) / 2
    found = find_failures(model, frame)
    monkeypatch.setattr(validation, "columns_that_hold", lambda *_: frozenset[str]())
    pd.testing.assert_frame_equal(found, find_failures(model, frame))


@pytest.mark.parametrize(("table", "change"), [*((table, change) for table, change, _ in BROKEN), *NOT_BROKEN])
def test_the_columns_to_check_alone_tell_what_the_whole_frame_tells(table: str, change: dict[str, object]) -> None:
    model, frame = CORE_TABLES[table], frame_of(table, {}, change)
    asked_for = [name for name in frame.columns if name in columns_to_check(model)]
    assert len(asked_for) < len(frame.columns)
    pd.testing.assert_frame_equal(find_failures(model, frame[asked_for]), find_failures(model, frame))


@pytest.mark.parametrize("table", CORE_TABLES)
def test_row_rules_look_at_no_other_columns_than_they_say(table: str) -> None:
    model = CORE_TABLES[table]
    contract = table_contract(model)
    read = read_by_row_rules(model)
    empty = pa.table(
        {column.name: pa.nulls(2, column.arrow_type) for column in contract.columns if column.name in read}
    )
    frame = empty.to_pandas(types_mapper=pd.ArrowDtype)
    for check in model.to_schema().checks or ():
        assert row_mask(model, str(check.name), frame) is not None


def test_a_summary_only_row_may_state_an_amount_without_currency() -> None:
    frame = frame_of("orders", {"source": "scansource", "total_amount": Decimal(1)})
    frame["is_partial"] = pd.Series([True], dtype=pd.ArrowDtype(pa.bool_()))
    assert find_failures(CORE_TABLES["orders"], frame).empty


def test_values_of_personal_columns_are_masked_and_others_are_not() -> None:
    failures = find_failures(CORE_TABLES["order_lines"], frame_of("order_lines", {"currency": "euro"}))
    assert list(failures["value"]) == ["euro"]
    personal = {
        column.name for table in CORE_TABLES.values() for column in table_contract(table).columns if column.personal
    }
    assert {"ship_to_name", "customer_email", "bill_to_vat_number", "note"} <= personal


def test_good_rows_pass_on_whatever_stands_beside_them() -> None:
    frame = frame_of("order_lines", {}, {"sku": None}, {"line_key": "6"}, {"quantity_ordered": Decimal(-3)})
    good, failures = validate(CORE_TABLES["order_lines"], frame)
    assert list(good.index) == [0, 2]
    assert set(failures["row"]) == {1, 3}


def test_a_frame_of_the_wrong_shape_is_a_defect_not_a_reject() -> None:
    with pytest.raises(ContractError, match="line_status"):
        find_failures(CORE_TABLES["order_lines"], frame_of("order_lines").drop(columns=["line_status"]))
    floats = frame_of("order_lines").astype({"unit_price": "float64"})
    with pytest.raises(ContractError, match="unit_price"):
        find_failures(CORE_TABLES["order_lines"], floats)


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
def test_every_row_is_either_good_or_has_a_named_failure(changes: list[dict[str, object]]) -> None:
    frame = frame_of("orders", *changes)
    good, failures = validate(CORE_TABLES["orders"], frame)
    assert set(good.index) | set(failures["row"]) == set(frame.index)
    assert set(good.index) & set(failures["row"]) == set()
    for position, change in enumerate(changes):
        row = COMMON | GOOD["orders"] | change
        is_bad = (
            row["order_status"] not in ORDER_STATUSES
            or row["order_number"] is None
            or row["ordered_at"] is None
            or row.get("currency") == "us"
            or (row.get("currency") is None and row.get("total_amount") is not None)
        )
        assert (position in set(failures["row"])) == is_bad


@pytest.mark.parametrize("table", CORE_TABLES)
def test_ddl_dagster_columns_and_model_agree(table: str) -> None:
    contract = table_contract(CORE_TABLES[table])
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA core")
        for statement in create_table_statements(CORE_TABLES[table], "core", partitioned=False):
            connection.execute(statement)
        made = connection.execute(f"DESCRIBE core.{table}").fetchall()
    wanted = [(column.name, column.duckdb_type, column.nullable) for column in contract.columns]
    types = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
    assert [(row[0], types.get(row[1], row[1]), row[2] == "YES") for row in made] == wanted
    shown = column_schema(CORE_TABLES[table])
    assert [(column["name"], column["type"], column["nullable"]) for column in shown] == wanted
    assert all(column["description"] for column in shown)


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
