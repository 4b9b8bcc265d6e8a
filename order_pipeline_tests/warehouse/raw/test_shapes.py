"""Drift of shape: each kind is told once, by the run that first sees it, with a masked example."""

from __future__ import annotations

from typing import Any

import pytest

from order_pipeline.channels.registry import channels
from order_pipeline.contracts import MASK
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.shapes import ENOUGH, ShapeNews, masked, note_shapes
from order_pipeline_tests.warehouse.kibo_orders import DAY, build, kibo_order, project, receive

PERSONAL = channels()["kibo"].personal


@pytest.fixture
def run(lake: Lake):
    """Orders come in a run of their own, some changed; returns the drift that the run first saw."""
    runs: list[str] = []

    def run(changed: Any = lambda order: order, *, orders: int = ENOUGH) -> list[ShapeNews]:
        runs.append(f"run {len(runs)}")
        first = 1000 * len(runs)
        receive(lake, [changed(kibo_order(first + number)) for number in range(orders)], run_id=runs[-1])
        return note_shapes(lake, "kibo", [DAY], runs[-1], PERSONAL)

    return run


def noted(lake: Lake) -> int:
    return lake.query("SELECT count(*) FROM raw.shapes").rows[0][0]


def told(news: list[ShapeNews]) -> list[tuple[str, str, str, int, str]]:
    return [(each.kind, each.path, each.type, each.occurrences, each.example) for each in news]


def without(*keys: str) -> Any:
    return lambda order: {key: value for key, value in order.items() if key not in keys}


def in_customer(**more: Any) -> Any:
    return lambda order: order | {"customer": order["customer"] | more}


@pytest.mark.costly
def test_what_is_as_before_is_no_drift_and_nothing_is_noted(lake: Lake, run: Any) -> None:
    assert run() == []
    before = noted(lake)
    assert before > 50
    assert run() == []
    assert noted(lake) == before


@pytest.mark.costly
def test_a_new_key_is_told_once_with_a_masked_example(run: Any) -> None:
    run()
    added = lambda order: order | {"carrierNote": "Leave at 12 Elm"}  # noqa: E731
    assert told(run(added)) == [("new key", "/carrierNote", "text", ENOUGH, "Aaaaa aa 99 Aaa")]
    assert run(added) == []


@pytest.mark.costly
def test_a_new_key_beneath_personal_data_shows_nothing_of_its_value(run: Any) -> None:
    run()
    assert told(run(in_customer(phone2="555 0100"))) == [("new key", "/customer/phone2", "text", ENOUGH, MASK)]


@pytest.mark.costly
def test_a_value_of_another_type_is_told_with_how_many_have_it(run: Any) -> None:
    run()
    one_is_text = iter(["9.90", *[9.9] * ENOUGH])
    news = run(lambda order: order | {"total": next(one_is_text)})
    assert told(news) == [("another type", "/total", "several types", ENOUGH, news[0].example)]
    assert set(news[0].example) <= set("9.")


@pytest.mark.costly
def test_a_key_that_every_object_had_is_gone_and_may_come_back(run: Any) -> None:
    run()
    assert [(each.kind, each.path, each.objects) for each in run(without("orderCurrency"))] == [
        ("gone key", "/orderCurrency", ENOUGH)
    ]
    assert run(without("orderCurrency")) == [], "told once"
    assert run() == []
    assert [each.kind for each in run(without("orderCurrency"))] == ["gone key"]


@pytest.mark.costly
def test_few_objects_without_a_key_prove_nothing(run: Any) -> None:
    run()
    assert run(without("orderCurrency"), orders=ENOUGH - 1) == []


@pytest.mark.costly
def test_a_key_that_the_contract_names_may_come_late_and_null_has_no_type(run: Any) -> None:
    run(lambda order: order | {"total": None})
    assert run(lambda order: order | {"orderItems": []}) == []


@pytest.mark.slow
def test_a_run_with_hundreds_of_large_orders_is_looked_at_within_the_memory_limit(run: Any) -> None:
    large = kibo_order(1)["shipments"] * 8
    assert run(lambda order: order | {"shipments": large}, orders=400) == []


@pytest.mark.costly
def test_the_mart_shows_each_kind_with_since_when_and_how_many(lake: Lake, run: Any) -> None:
    run()
    run(lambda order: without("orderCurrency")(order) | {"carrierNote": 5, "total": "much"})
    run(lambda order: order | {"orderStatus": "TELEPORTED"}, orders=1)
    build(lake)
    with lake.connect() as connection:
        sql = project().render(
            "drift", ref={"check__unknown_status": f"({project().graph['check__unknown_status'].sql})"}
        )
        found = connection.execute(f"SELECT kind, path, found, example FROM ({sql.sql}) ORDER BY ALL").fetchall()
    assert found == [
        ("another type", "/total", "text", "aaaa"),
        ("gone key", "/orderCurrency", "absent", ""),
        ("new key", "/carrierNote", "number", "9"),
        ("new value", "orders.source_status", "text", "TELEPORTED"),
    ]


@pytest.mark.parametrize(
    ("value", "form"), [("Ada 12-b", "Aaa 99-a"), ("Ελλάδα", "Aaaaaa"), ("", ""), ("x" * 99, "a" * 40)]
)
def test_a_masked_value_keeps_its_form_alone(value: str, form: str) -> None:
    assert masked(value) == form
