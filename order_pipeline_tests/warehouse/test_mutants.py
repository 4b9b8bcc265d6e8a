"""Any node of a payload may be anything: good records around it arrive, the mutant is in core or in quarantine."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.warehouse.kibo_orders import kibo_item, kibo_order, kibo_shipment
from order_pipeline_tests.warehouse.mutants import POISONS, Place, nodes, repeated, replaced, without
from order_pipeline_tests.warehouse.poisoned_records import (
    Outcome,
    Record,
    as_json,
    build_from,
    outcome_of,
    scansource_order,
    skroutz_event,
)
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

Answers = dict[str, Any]
FIRST_MUTANT = 100_000
GOOD = 30


def kibo_answers(number: int) -> Answers:
    """An order with two shipments, one of them tracked."""
    tracked = {"trackingInformation": [{"trackingNumber": "1Z", "carrierType": "UPS"}]}
    item = kibo_item(number * 100, quantity=2, subtotal=20, description="caf&eacute;")
    return {
        "orders": kibo_order(
            number,
            kibo_shipment(number * 10, item, **tracked),
            kibo_shipment(number * 10 + 1, kibo_item(number * 100 + 1)),
        )
    }


# Channel -> the answers about an order of a number, and the record id of all of them.
ORDERS: dict[str, tuple[Callable[[int], Answers], Callable[[int], str]]] = {
    "kibo": (kibo_answers, str),
    "skroutz": (lambda number: {"orders": skroutz_event(f"C{number}")}, "C{}".format),
    "scansource": (lambda number: scansource_order(str(number)), "1000:{}".format),
}


def records_of(channel: str, number: int, damage: Callable[[Answers], tuple[str, bytes]] | None = None) -> list[Record]:
    """The records of an order; `damage` names a resource and what it answers instead."""
    answers, record_id = ORDERS[channel]
    payloads = {resource: as_json(answer) for resource, answer in answers(number).items()}
    if damage:
        payloads |= [damage(answers(number))]
    return [Record(record_id(number), payload, resource) for resource, payload in payloads.items()]


def damages(channel: str) -> list[tuple[str, Place, str, str]]:
    """Every (resource, place, poison, way) there is: some ten thousand a channel."""
    found = [
        (resource, place, poison, way)
        for resource, answer in ORDERS[channel][0](0).items()
        for place in nodes(answer)
        for poison in POISONS
        for way in ("replaced", "repeated first", "repeated last")
        if way == "replaced" or isinstance(place[-1], str)
    ]
    return found + [(resource, place, "null", "left out") for resource, place, poison, _ in found if poison == "null"]


def mutant(channel: str, number: int, damage: tuple[str, Place, str, str]) -> list[Record]:
    """The records of an order with one of them damaged."""
    resource, place, poison, way = damage

    def damaged(answers: Answers) -> tuple[str, bytes]:
        answer = answers[resource]
        if way == "left out":
            return resource, without(answer, place)
        if way == "replaced":
            return resource, replaced(answer, place, POISONS[poison])
        return resource, repeated(answer, place, POISONS[poison], last=way == "repeated last")

    return records_of(channel, number, damaged)


def check(lake: Lake, channel: str, chosen: list[tuple[str, Place, str, str]], run: int = 0) -> Outcome:
    """Build good orders and mutants together: the good ones arrive, of the mutants none is lost."""
    start = FIRST_MUTANT * (run + 1)
    good = [record for number in range(1, GOOD + 1) for record in records_of(channel, number)]
    bad = [record for place, damage in enumerate(chosen) for record in mutant(channel, start + place, damage)]
    build_from(lake, channel, [*good, *bad], f"run-{run}")
    outcome = outcome_of(lake)
    assert {record.record_id for record in good} <= outcome.orders.keys()
    name = ORDERS[channel][1]
    lost = [damage for place, damage in enumerate(chosen) if not outcome.is_accounted_for(name(start + place))]
    assert not lost
    return outcome


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Lake]]:
    """A lake a channel, for builds that follow each other."""
    found = {channel: Lake(settings_in(tmp_path_factory.mktemp(f"mutants-{channel}"))) for channel in ORDERS}
    for lake in found.values():
        migrate(lake)
    yield found
    for lake in found.values():
        lake.close()


RUNS = iter(range(1, 1_000_000))


@pytest.mark.costly
@pytest.mark.parametrize("channel", ORDERS)
@seed(21)
@settings(max_examples=1, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_mutant_stops_a_build_or_is_lost(channel: str, lakes: dict[str, Lake], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(damages(channel)), min_size=150, max_size=200))
    check(lakes[channel], channel, chosen, next(RUNS))


@pytest.mark.slow
@pytest.mark.parametrize("channel", ORDERS)
def test_no_mutant_of_thousands_stops_a_build_or_is_lost(channel: str, tmp_path: Path) -> None:
    # A code repeated with a poison claims the order of the mutant whose code was replaced by it: one of them stands.
    everything = [damage for damage in damages(channel) if (damage[1][-1], damage[3]) != ("code", "repeated last")]
    chosen = random.Random(21).sample(everything, min(4_000, len(everything)))
    # In lakes of their own: two thirds repeat a key, and thousands of those in one day want more memory than a chunk
    # has. The last net halves such a chunk, and must not be needed here.
    for start in range(0, len(chosen), 1_000):
        lake = Lake(settings_in(tmp_path / str(start)))
        migrate(lake)
        check(lake, channel, chosen[start : start + 1_000])
        lake.close()


@pytest.mark.costly
def test_a_lost_mutant_is_noticed(lake: Lake) -> None:
    check(lake, "kibo", [("orders", ("orderID",), "null", "replaced")])
    assert not outcome_of(lake).is_accounted_for("an order that never came")
