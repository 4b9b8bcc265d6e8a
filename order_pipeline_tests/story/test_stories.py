"""`trace`: the answer, the next step and the timeline of orders of every fate, by any number that a person has."""

import json
import shlex

import msgspec
import pytest
from typer.core import TyperGroup

from order_pipeline.cli.main import COMMANDS
from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.operations.store import open_store
from order_pipeline.picking.operators.views import list_lines
from order_pipeline.story.lake_facts import CORE_COLUMNS
from order_pipeline.story.tell import tell_stories
from order_pipeline_tests.story.conftest import (
    CANCELLED,
    HELD,
    IN_DOUBT,
    PERSONAL,
    QUARANTINED,
    SENT,
    SPLIT,
)
from order_pipeline_tests.warehouse.kibo_orders import rows

pytestmark = pytest.mark.costly

PICK = f"kibo:77:{IN_DOUBT}:50400:5040"


@pytest.mark.parametrize(
    ("number", "begins", "says"),
    [
        (SENT, "On the floor since 20", "(1 line of floor main)"),
        (HELD, "Held since 20", "because item Z has no barcode: add it to item_locations.csv"),
        (QUARANTINED, "Quarantined because rows of it broke a rule", "(bad_number on quantity_ordered)"),
        (IN_DOUBT, "In doubt since 20", "look at the ScanOrders screen"),
        (CANCELLED, "Cancelled after sending, since 20", "1 line of floor main still on the floor"),
        ("9001", "Not to be picked", "ORDER_PIPELINE_PICKING__SCANSOURCE is not true"),
    ],
)
def test_the_answer_is_one_plain_sentence(story, number, begins, says):
    verdict = story(number)["verdict"]
    assert verdict.startswith(begins)
    assert says in verdict
    assert verdict.endswith(".")


def test_an_order_over_two_floors_says_what_each_of_them_has(story):
    told = story(SPLIT)
    assert told["verdict"].count("on the floor since") + told["verdict"].count("On the floor since") == 2
    assert "1 line of floor main" in told["verdict"]
    assert "1 line of floor north" in told["verdict"]
    assert [row["shipment_number"] for row in told["core"]["shipments"]] == ["5060", "5061"]


@pytest.mark.parametrize("number", [SENT, HELD, QUARANTINED, IN_DOUBT, CANCELLED, SPLIT])
def test_every_next_step_is_a_command_that_there_is(story, number):
    for step in story(number)["next_steps"]:
        program, *arguments = shlex.split(step)
        assert program == "order-pipeline"
        command = COMMANDS.commands[arguments[0]]
        assert not isinstance(command, TyperGroup) or arguments[1] in command.commands


def test_the_next_step_of_a_doubt_names_the_pick_and_both_words(story):
    assert story(IN_DOUBT)["next_steps"] == [
        f"order-pipeline outbox resolve {PICK} --sent --reason REASON --who NAME",
        f"order-pipeline outbox resolve {PICK} --not-sent --reason REASON --who NAME",
    ]


def test_the_timeline_tells_what_happened_in_order(story):
    told = story(CANCELLED)["timeline"]
    assert [moment["what"] for moment in told] == [
        *("received", "planned", "sent", "answered"),
        *("received", "built", "cancelled", "task"),
    ]
    assert [moment["at"] for moment in told] == sorted(moment["at"] for moment in told)
    assert "/orderStatus: READY -> CANCELLED" in told[4]["detail"]
    versions = [moment["raw"]["sha256"] for moment in told[:7]]
    assert versions == [versions[0]] * 4 + [versions[4]] * 3, "each moment names the version of its time"
    assert versions[0] != versions[4]


@pytest.mark.parametrize("number", [SENT, HELD, QUARANTINED, IN_DOUBT, CANCELLED, SPLIT, "9001"])
def test_every_raw_record_and_pointer_of_a_timeline_is_there(world, story, lake, number):
    places = [moment["raw"] for moment in story(number)["timeline"] if moment["raw"]]
    assert places
    for place in places:
        ((payload,),) = rows(
            lake,
            f"SELECT payload FROM raw.{place['table']} WHERE record_id = '{place['record_id']}'"
            f" AND content_sha256 = '{place['sha256']}'",
        )
        found = json.loads(payload)
        for part in place["pointer"].removeprefix("#").split("/")[1:]:
            found = found[int(part)] if isinstance(found, list) else found[part]


def test_the_pointer_of_a_broken_rule_leads_to_the_value(story):
    told = story(QUARANTINED)["timeline"]
    (broken,) = [moment for moment in told if "order_lines" in moment["detail"] and moment["what"] == "quarantined"]
    assert broken["raw"]["pointer"] == "#/shipments/0/items/0/quantity"


@pytest.mark.parametrize(
    ("number", "kind", "order"),
    [
        (f"kibo:77:{SENT}", "order id", SENT),
        (f" #{SENT} ", "order number", SENT),
        (PICK, "pick", IN_DOUBT),
        ("5061", "shipment", SPLIT),
        (QUARANTINED, "order in quarantine", QUARANTINED),
    ],
)
def test_an_order_is_found_by_any_of_its_numbers(world, number, kind, order):
    told = tell_stories(world, number)
    assert [each["order_id"] for each in told.stories] == [f"kibo:77:{order}"]
    assert kind in told.stories[0]["named_by"]


def test_an_order_is_found_by_the_fulfilment_that_scanorders_gave_it(world, story):
    with open_store(world.resolved_operations_url) as store:
        (line,) = [line for line in list_lines(store) if line["order_number"] == SENT]
    assert story(line["fulfilment_id"])["order_id"] == f"kibo:77:{SENT}"


@pytest.mark.parametrize(("number", "kind"), [("PO-77", "purchase order"), ("1Z", "tracking code")])
def test_a_number_that_several_orders_share_tells_all_of_them(world, number, kind):
    told = tell_stories(world, number)
    assert [each["order_id"] for each in told.stories] == ["scansource:1000:9001", "scansource:1000:9002"]
    assert all(kind in each["named_by"] for each in told.stories)


@pytest.mark.parametrize("number", ["no-such-order", "", "'; DROP TABLE core.orders; --", ":::", "%"])
def test_an_unknown_number_has_no_story_and_says_what_is_proved(world, number):
    told = tell_stories(world, number)
    assert (told.stories, told.orders) == ([], 0)


def test_nothing_personal_is_in_a_story(story):
    for number in (SENT, HELD, QUARANTINED, IN_DOUBT, CANCELLED, SPLIT):
        text = msgspec.json.encode(story(number), enc_hook=str).decode()
        assert [each for each in PERSONAL.values() if each in text] == []


def test_no_column_of_core_that_a_story_reads_is_personal_by_its_contract():
    contracts = {name: table_contract(model) for name, model in CORE_TABLES.items()}
    for table, columns in CORE_COLUMNS.items():
        personal = {
            column.name for column in contracts[table].columns if column.personal or "JSON" in column.description
        }
        assert set(columns) <= set(contracts[table].column_names)
        assert personal.isdisjoint(columns)
