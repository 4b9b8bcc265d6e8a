"""What one record says never stops a channel: the good ones around it arrive, and it is in quarantine with its rule."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from order_pipeline.channels import registry
from order_pipeline.reconciliation.raw_records import reconcile_records
from order_pipeline.warehouse.lake.connection import Lake, relations
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.warehouse.kibo_orders import kibo_item, kibo_order, kibo_shipment
from order_pipeline_tests.warehouse.poisoned_cases import CASES, SCANSOURCE
from order_pipeline_tests.warehouse.poisoned_records import (
    DAY,
    Outcome,
    Record,
    as_json,
    build_from,
    scansource_order,
    skroutz_event,
)
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

pytestmark = pytest.mark.costly

GOOD = 5


def good_records(channel: str) -> list[Record]:
    """Orders with nothing wrong in them."""
    numbers = range(9000, 9000 + GOOD)
    if channel == "kibo":
        return [Record(str(number), as_json(kibo_order(number))) for number in numbers]
    if channel == "skroutz":
        return [Record(f"G{number}", as_json(skroutz_event(f"G{number}"))) for number in numbers]
    return [
        Record(f"1000:{number}", as_json(answer), resource)
        for number in numbers
        for resource, answer in scansource_order(str(number)).items()
    ]


def record_id(channel: str, place: int) -> str:
    return {"kibo": str(place + 1), "skroutz": f"S{place + 1}", "scansource": f"1000:{place + 1}"}[channel]


def poisoned(channel: str) -> list[Record]:
    """The cases; a ScanSource order has its other answers as they should be."""
    records = [
        Record(record_id(channel, place), case.payload, case.resource) for place, case in enumerate(CASES[channel])
    ]
    if channel == "scansource":
        for place, case in enumerate(SCANSOURCE):
            whole = scansource_order(str(place + 1))
            records += [
                Record(record_id(channel, place), as_json(answer), resource)
                for resource, answer in whole.items()
                if resource != case.resource
            ]
    return records


@pytest.fixture(scope="module", params=list(CASES))
def poisoned_channel(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def poisoned_lake(poisoned_channel: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    lake = Lake(settings_in(tmp_path_factory.mktemp(f"poisoned-{poisoned_channel}")))
    migrate(lake)
    yield lake
    lake.close()


@pytest.fixture(scope="module")
def built(poisoned_channel: str, poisoned_lake: Lake) -> tuple[str, Outcome]:
    records = [*poisoned(poisoned_channel), *good_records(poisoned_channel)]
    return poisoned_channel, build_from(poisoned_lake, poisoned_channel, records)


def test_the_good_records_among_them_arrive_whole(built: tuple[str, Outcome]) -> None:
    channel, outcome = built
    good = {record.record_id for record in good_records(channel)}
    assert good <= outcome.orders.keys()
    assert not good & outcome.rejects.keys()


def test_a_poisoned_record_is_in_quarantine_with_its_rule_or_arrives(built: tuple[str, Outcome]) -> None:
    channel, outcome = built
    found = {case.name: outcome.rules(record_id(channel, place)) for place, case in enumerate(CASES[channel])}
    assert found == {case.name: case.rules for case in CASES[channel]}
    for place, case in enumerate(CASES[channel]):
        assert outcome.is_accounted_for(record_id(channel, place)), case.name


def test_a_reconciliation_misses_none_of_them(built: tuple[str, Outcome], poisoned_lake: Lake) -> None:
    channel = registry.channels()[built[0]]
    with poisoned_lake.snapshot() as connection:
        found = reconcile_records(connection, [channel], frozenset(relations(connection)), DAY)
    assert (found.differences, found.waiting) == ([], 0)
    assert found.checked == len([*poisoned(channel.name), *good_records(channel.name)])


def test_no_text_that_arrived_holds_a_nul(built: tuple[str, Outcome]) -> None:
    texts = [value for row in built[1].orders.values() for value in row.values() if isinstance(value, str)]
    assert texts
    assert not [text for text in texts if "\0" in text]


def test_of_a_repeated_key_the_last_value_counts(lake: Lake) -> None:
    payload = as_json(skroutz_event("S1"))
    repeated = {
        "order_status": (b'"state":', b'"state":"open","state":', "accepted"),
        "platform_fee_amount": (b'"handling_fee":', b'"handling_fee":9,"handling_fee":', Decimal("1.2")),
        "ship_to_city": (b'"city":"Volos"', b'"city":"A","city":"B"', "B"),
    }
    records = [
        Record(column, payload.replace(b"S1", column.encode()).replace(*change[:2]))
        for column, change in repeated.items()
    ]
    outcome = build_from(lake, "skroutz", records)
    found = {column: outcome.orders[column][column] for column in repeated}
    assert found == {column: expected for column, (_, _, expected) in repeated.items()}


def test_a_repeated_key_counts_last_in_a_list_of_scansource_too(lake: Lake) -> None:
    answers = {resource: as_json(answer) for resource, answer in scansource_order("1").items()}
    answers["order_details"] = answers["order_details"].replace(b'"ItemNumber":', b'"ItemNumber":"WRONG","ItemNumber":')
    build_from(lake, "scansource", [Record("1000:1", payload, resource) for resource, payload in answers.items()])
    assert lake.query("SELECT DISTINCT sku FROM core.order_lines").rows == [("SKU-1",)]


def test_an_order_without_lines_is_a_warning(lake: Lake) -> None:
    outcome = build_from(lake, "kibo", [Record("1", as_json(kibo_order(1, shipments=[]))), *good_records("kibo")])
    assert outcome.warnings["no_lines", "order_lines"] == ["1"]


def test_an_id_that_no_text_can_hold_is_a_reject_and_the_others_arrive(lake: Lake) -> None:
    odd = [Record(record_id, as_json(kibo_order(place))) for place, record_id in enumerate(["a\0b", "\0", "\ud800"], 1)]
    outcome = build_from(lake, "kibo", [*odd, *good_records("kibo")])
    assert outcome.orders.keys() == {record.record_id for record in good_records("kibo")}
    assert len(outcome.rejects) == len(odd)
    for rejects in outcome.rejects.values():
        assert {reject[:3] for reject in rejects} == {("raw.kibo_orders", "bad_json", "record_id")}


def test_a_large_amount_beside_odd_payloads_stays_exact(lake: Lake) -> None:
    """Long numbers are made exact in Python, which reads less than DuckDB does."""
    odd = [b"[" * 20_000 + b"]" * 20_000, b'"\\ud800"', b"9" * 5_000, b"NaN", b"[1,]"]
    large = as_json(kibo_order(1, total=1)).replace(b'"total":1,', b'"total":9999999999999.1234,')
    odd_ones = [
        Record(str(number), large.replace(b'"orderID":1,', b'"orderID":%d,"odd":%s,' % (number, value)))
        for number, value in enumerate(odd, 2)
    ]
    outcome = build_from(lake, "kibo", [Record("1", large), *odd_ones])
    assert outcome.orders["1"]["total_amount"] == Decimal("9999999999999.1234")
    assert all(outcome.is_accounted_for(record.record_id) for record in odd_ones)


@pytest.mark.parametrize("channel", [pytest.param("kibo", marks=pytest.mark.slow), "skroutz"])
def test_an_order_of_ten_thousand_lines_with_a_wrong_container_is_a_reject(lake: Lake, channel: str) -> None:
    """Each look at its payload takes memory of its own: looking at several places at once took more than there is."""
    if channel == "kibo":
        items = [kibo_item(number) for number in range(10_000)]
        record = Record("1", as_json(kibo_order(1, kibo_shipment(10, *items), tax=5)))
    else:
        (line,) = skroutz_event("1")["order"]["line_items"]
        lines = [line | {"id": str(number), "extra_info": "x" * 200} for number in range(10_000)]
        record = Record("1", as_json(skroutz_event("1", line_items=lines, customer=5)))
    outcome = build_from(lake, channel, [record, *good_records(channel)])
    assert {rule for rule, _ in outcome.rules("1")} == {"bad_json"}
    assert len(outcome.orders) == GOOD
