"""Drift: the documented samples have no unknown key, and a new key in any object that the contract closes is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from order_pipeline.channels.registry import channels
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.drift import UnknownKey, find_unknown_keys
from order_pipeline.warehouse.raw.tables import ensure_raw_table, raw_table
from order_pipeline_tests.warehouse.kibo_orders import project

FIXTURES = Path(__file__).parents[2] / "fixtures"
DAY = date(2026, 1, 5)


def sample(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def skroutz_events() -> list[Any]:
    recordings = [json.loads(path.read_text()) for path in (FIXTURES / "skroutz/recordings").glob("*.json")]
    return [{"order": recorded["order"], "observed_at": "now"} for recorded in recordings if "order" in recorded]


SAMPLES: dict[tuple[str, str], tuple[list[Any], set[str]]] = {
    ("kibo", "orders"): (
        sample("kibo/seed_sample_repaired.json")["collection"],
        {
            "$",
            "$.tax",
            "$.customer",
            "$.shippingAddressInformation",
            "$.shipments[*]",
            "$.shipments[*].shippingAddressInformation",
            "$.shipments[*].items[*]",
        },
    ),
    ("scansource", "order_rows"): (
        [*sample("scansource/salesorder_list.sample.json"), *sample("scansource/salesorder_summary.sample.json")],
        {"$", "$.BillingAddress", "$.ShippingAddress", "$.SalesOrderLines[*]"},
    ),
    ("scansource", "order_details"): (
        [sample("scansource/salesorder_detail.reconstructed.json")],
        {
            "$",
            "$.BillingAddress",
            "$.ShippingAddress",
            "$.SalesOrderLines[*]",
            "$.SalesOrderLines[*].ScheduleLines[*]",
            "$.Deliveries[*]",
            "$.Deliveries[*].Parcels[*]",
            "$.Deliveries[*].LineItems[*]",
            "$.Deliveries[*].LineItems[*].LineItemDetails[*]",
        },
    ),
    ("scansource", "order_tracking"): (
        [sample("scansource/salesorder_tracking.sample.json")],
        {"$", "$.Orders[*]", "$.Orders[*].Deliveries[*]", "$.Orders[*].Deliveries[*].TrackingNumbers[*]"},
    ),
    ("scansource", "order_serials"): ([sample("scansource/salesorder_serials.sample.json")], {"$[*]"}),
    ("scansource", "invoice_summaries"): (sample("scansource/invoice_summary.sample.json"), {"$"}),
    ("scansource", "invoice_details"): (
        sample("scansource/invoice_list.sample.json"),
        {"$", "$.BillingAddress", "$.ShippingAddress", "$.InvoiceLines[*]"},
    ),
    ("scansource", "prices"): ([{"ItemNumber": "1", "UnitPrice": 2, "SPA": False}], {"$"}),
    ("scansource", "availability"): ([{"Warehouse": "1710", "MATERIALNUMBER": "1"}], {"$"}),
    ("skroutz", "orders"): (
        skroutz_events(),
        {"$", "$.order", "$.order.customer", "$.order.customer.address", "$.order.line_items[*]"},
    ),
}


def with_a_new_key(document: Any) -> Any:
    """The document with a key more in every object."""
    if isinstance(document, dict):
        return {"brandNew": 1} | {key: with_a_new_key(value) for key, value in document.items()}
    return [with_a_new_key(element) for element in document] if isinstance(document, list) else document


def store(lake: Lake, source: str, resource: str, payloads: list[str], day: date = DAY) -> None:
    for name in channels()[source].resources:
        ensure_raw_table(lake, source, name)
    with lake.transaction("store payloads") as connection:
        for number, payload in enumerate(payloads):
            connection.execute(
                f"INSERT INTO {raw_table(source, resource)} VALUES (?, ?, ?, ?, now(), ?, 'run')",
                [f"{resource} {number}", day, f"{day} {number}", payload, number],
            )


def places(found: list[UnknownKey], resource: str) -> Iterator[str]:
    return (unknown.place for unknown in found if unknown.resource == resource)


CHANNELS = sorted({channel for channel, _ in SAMPLES})


def samples_of(source: str) -> dict[str, tuple[list[Any], set[str]]]:
    return {resource: found for (channel, resource), found in SAMPLES.items() if channel == source}


@pytest.mark.costly
@pytest.mark.parametrize("source", CHANNELS)
def test_documented_samples_have_no_unknown_key(lake: Lake, source: str) -> None:
    for resource, (documents, _) in samples_of(source).items():
        store(lake, source, resource, [json.dumps(document) for document in documents])
    assert find_unknown_keys(lake, project(), source, [DAY]) == []


@pytest.mark.costly
@pytest.mark.parametrize("source", CHANNELS)
def test_a_new_key_is_found_wherever_the_contract_names_the_keys(lake: Lake, source: str) -> None:
    for resource, (documents, _) in samples_of(source).items():
        store(lake, source, resource, [json.dumps(with_a_new_key(document)) for document in documents])
    found = find_unknown_keys(lake, project(), source, [DAY])
    assert {unknown.key for unknown in found} == {"brandNew"}
    for resource, (_, closed) in samples_of(source).items():
        assert closed <= set(places(found, resource)), resource


def test_only_versions_of_the_days_count_and_each_once(lake: Lake) -> None:
    store(lake, "kibo", "orders", ['{"orderID": 1, "new": 1, "shipments": [{"new": 1}, {"new": 2}]}', '{"new": 3}'])
    store(lake, "kibo", "orders", ['{"new": 1, "newer": 1}'], DAY + timedelta(days=1))
    assert find_unknown_keys(lake, project(), "kibo", [DAY]) == [
        UnknownKey("orders", "$", "new", 2),
        UnknownKey("orders", "$.shipments[*]", "new", 1),
    ]
    assert find_unknown_keys(lake, project(), "kibo", []) == []


def test_what_is_no_json_or_of_another_shape_has_no_keys(lake: Lake) -> None:
    store(lake, "kibo", "orders", ["{", "[1]", '{"shipments": 5, "tax": [], "customer": null}', '{"new": 1}'])
    assert find_unknown_keys(lake, project(), "kibo", [DAY]) == [UnknownKey("orders", "$", "new", 1)]


def test_a_source_without_a_model_of_unknown_keys_has_none(lake: Lake) -> None:
    assert find_unknown_keys(lake, project(), "elsewhere", [DAY]) == []


def test_of_many_records_a_sample_is_looked_at(lake: Lake) -> None:
    store(lake, "kibo", "orders", [f'{{"orderID": {number}, "new": 1}}' for number in range(20)])
    found = find_unknown_keys(lake, project(), "kibo", [DAY], most_records=7)
    assert found == [UnknownKey("orders", "$", "new", 7)]
    assert find_unknown_keys(lake, project(), "kibo", [DAY]) == [UnknownKey("orders", "$", "new", 20)]


@pytest.mark.costly
def test_a_day_of_a_shop_is_looked_at_within_the_lakes_memory(lake: Lake) -> None:
    document = with_a_new_key(sample("kibo/seed_sample_repaired.json")["collection"][0])
    store(lake, "kibo", "orders", [json.dumps(document)])
    with lake.transaction("as many orders as are looked at") as connection:
        connection.execute("INSERT INTO raw.kibo_orders SELECT raw.* FROM raw.kibo_orders AS raw, range(10_000)")
    (most, *_) = find_unknown_keys(lake, project(), "kibo", [DAY])
    assert most.observations == 10_000
