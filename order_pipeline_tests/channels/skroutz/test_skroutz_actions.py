"""Acting on orders, against the strict fake: nothing by accident, everything on record, every refusal shown."""

import asyncio
import json

import pytest

from order_pipeline.channels.operator_commands import RequestError
from order_pipeline.channels.skroutz.action_log import skroutz_actions
from order_pipeline.channels.skroutz.actions import (
    Actor,
    accept,
    give_tracking,
    reject,
    set_as_ready,
    upload_invoice,
)
from order_pipeline.operations.store import OperationsStore
from order_pipeline.sandbox.shared.faults import parse_faults
from order_pipeline_tests.channels.skroutz.conftest import channel_of, settings_for


@pytest.fixture
def store(tmp_path):
    store = OperationsStore(f"sqlite:///{tmp_path / 'operations.sqlite'}")
    store.create_all()
    yield store
    store.close()


@pytest.fixture
def actor(fake, store):
    return Actor(settings_for(fake, actions_enabled=True), store, "Maria", dry_run=False)


def order_in(fake, state, **facts):
    wanted = {"express": False, "store_pickup": False, "fulfilled_by_skroutz": False, "state": state, **facts}
    book = channel_of(fake).book
    return next(order for order in book.orders.values() if all(order[key] == value for key, value in wanted.items()))


def records(store):
    with store.reading() as connection:
        return connection.execute(skroutz_actions.select().order_by("action_id")).mappings().all()


def posts(fake):
    return [record.path for record in fake.calls["skroutz"].recent if record.method == "POST"]


def choice(order, location=0, window=0):
    options = order["accept_options"]
    return {"location": options["pickup_location"][location]["id"], "window": options["pickup_window"][window]["id"]}


def run(action):
    return asyncio.run(action)


def test_actions_are_off_by_default_and_a_dry_run_is_the_default(fake, store):
    with pytest.raises(RequestError, match="ACTIONS_ENABLED"):
        Actor(settings_for(fake), store, "Maria", dry_run=False)
    with pytest.raises(RequestError, match="name of the person"):
        Actor(settings_for(fake), store, " ")
    assert Actor(settings_for(fake), store, "Maria").dry_run


def test_a_dry_run_shows_the_request_records_it_and_sends_nothing(fake, store):
    order = order_in(fake, "open")
    result = run(accept(Actor(settings_for(fake), store, "Maria"), order["code"], **choice(order, 1, 2)))

    assert result.outcome == "dry_run"
    assert result.request["pickup_location"] == order["accept_options"]["pickup_location"][1]["id"]
    assert posts(fake) == []
    assert order["state"] == "open"
    [record] = records(store)
    assert (record["outcome"], record["asked_by"], json.loads(record["request"])) == (
        "dry_run",
        "Maria",
        result.request,
    )


def test_accepting_uses_the_fresh_options_and_is_on_record(fake, store, actor):
    order = order_in(fake, "open")
    label = order["accept_options"]["pickup_location"][1]["label"]
    result = run(accept(actor, order["code"], **choice(order, 1), parcels=2))

    assert result.outcome == "done"
    assert (order["state"], order["pickup_address"], order["number_of_parcels"]) == ("accepted", label, 2)
    [record] = records(store)
    assert (record["action"], record["outcome"], record["order_number"]) == ("accept", "done", order["code"])
    assert record["finished_at"] >= record["asked_at"]


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ({}, "Choose a pickup location; possible: wh4Rn8Qz1a"),
        ({"location": "nowhere"}, "There is no pickup location 'nowhere'; possible: wh4Rn8Qz1a"),
        ({"location": "wh4Rn8Qz1a", "window": 99}, "There is no pickup window 99; possible: 1"),
        ({"location": "wh4Rn8Qz1a", "window": 1, "parcels": 9}, "9 parcels are not offered"),
    ],
)
def test_a_wrong_choice_is_answered_with_the_right_ones_and_nothing_is_sent(fake, store, actor, chosen, text):
    with pytest.raises(RequestError, match=text):
        run(accept(actor, order_in(fake, "open")["code"], **chosen))
    assert posts(fake) == []
    assert records(store) == []


def test_express_settled_and_unknown_orders_are_refused_before_sending(fake, actor):
    express = order_in(fake, "open")
    express["express"] = True
    with pytest.raises(RequestError, match="Express"):
        run(accept(actor, express["code"]))
    with pytest.raises(RequestError, match="not open"):
        run(accept(actor, order_in(fake, "accepted")["code"]))
    with pytest.raises(RequestError, match="knows no order"):
        run(accept(actor, "000000-0000000"))
    assert posts(fake) == []


def test_a_store_pickup_has_no_window_to_choose(fake, actor):
    order = order_in(fake, "open")
    order |= {"store_pickup": True}
    order["accept_options"]["pickup_window"] = []
    result = run(accept(actor, order["code"], location=order["accept_options"]["pickup_location"][0]["id"]))
    assert result.outcome == "done"
    assert "pickup_window" not in result.request


def test_rejecting_lines_needs_known_lines_reasons_and_quantities(fake, actor):
    order = order_in(fake, "open")
    line, code = order["line_items"][0]["id"], order["code"]
    for lines, text in [
        (["nothing:1"], "has no line nothing"),
        ([f"{line}:3"], "Reason 3 is not offered"),
        ([f"{line}:4"], "needs the quantity"),
        ([], "either lines with reasons or one text"),
    ]:
        with pytest.raises(RequestError, match=text):
            run(reject(actor, code, lines=lines))
    assert run(reject(actor, code, lines=[f"{line}:4:1"])).outcome == "done"
    assert (order["state"], order["line_items"][0]["rejection_reason"]) == ("rejected", "limited_stock")


def test_rejecting_the_whole_order_takes_a_text(fake, actor):
    order = order_in(fake, "open")
    assert run(reject(actor, order["code"], other_reason="closed for stocktaking")).outcome == "done"
    assert order["rejection_info"] == {"reason": "closed for stocktaking", "actor": "merchant"}


def test_a_lost_answer_is_settled_by_reading_the_order(fake, store, actor):
    order = order_in(fake, "open")
    fake.faults.add(*parse_faults({"api": "skroutz", "route": "POST *", "kind": "drop_after", "nth": 1}))
    result = run(accept(actor, order["code"], **choice(order)))
    assert result.outcome == "done"
    assert len(posts(fake)) == 1, "never sent again by itself"
    assert [record["outcome"] for record in records(store)] == ["done"]


def test_an_action_whose_fate_is_unclear_waits_for_a_person(fake, store, actor):
    order = order_in(fake, "open")
    fake.faults.add(*parse_faults({"api": "skroutz", "route": "POST *", "kind": "drop_before", "nth": 1}))
    result = run(accept(actor, order["code"], **choice(order)))
    assert result.outcome == "in_doubt"
    assert [record["outcome"] for record in records(store)] == ["in_doubt"]


def test_a_refusal_is_shown_in_the_vendors_words(fake, actor):
    order = order_in(fake, "accepted", courier="ACS")
    result = run(set_as_ready(actor, order["code"]))
    assert result.outcome == "refused"
    assert "order_error: Order is not eligible to be marked as ready (status 422)" in result.answer
    assert "'accepted' now" in result.answer


def test_a_parcel_is_marked_ready_once(fake, actor):
    order = order_in(fake, "accepted")
    order["courier"] = "Skroutz Last Mile"
    assert run(set_as_ready(actor, order["code"])).outcome == "done"
    assert order["is_ready_for_dispatch"] is True
    assert run(set_as_ready(actor, order["code"])).outcome == "already_done", "a repetition is the same 422"


def test_tracking_codes_of_own_shipments_are_given_once(fake, store, actor):
    order = order_in(fake, "accepted")
    result = run(give_tracking(actor, order["code"], ["acs:224085551", "gls: 77:8"]))
    assert result.outcome == "done"
    assert order["courier_tracking_codes"] == ["224085551", "77:8"]
    [record] = records(store)
    assert (record["action"], json.loads(record["request"])["tracking_details"][0]) == (
        "give_tracking",
        {"courier": "acs", "tracking_code": "224085551"},
    )
    with pytest.raises(RequestError, match="has 224085551 already"):
        run(give_tracking(actor, order["code"], ["acs:224085551"]))
    assert len(posts(fake)) == 1


def test_a_dry_run_of_tracking_sends_nothing(fake, store):
    order = order_in(fake, "accepted")
    before = list(order["courier_tracking_codes"])
    dry = Actor(settings_for(fake), store, "Maria")
    assert run(give_tracking(dry, order["code"], ["dhl:1"])).outcome == "dry_run"
    assert (posts(fake), order["courier_tracking_codes"]) == ([], before)


@pytest.mark.parametrize(
    ("shipments", "text"),
    [
        (["ACS:1"], "no courier code of Skroutz; possible: acs, dhl"),
        (["acs"], "is not COURIER:TRACKING_CODE"),
        (["acs:1", "dhl:1"], "each code once"),
        ([], "one tracking code for each shipment"),
    ],
)
def test_tracking_that_skroutz_would_not_take_is_not_sent(fake, store, actor, shipments, text):
    with pytest.raises(RequestError, match=text):
        run(give_tracking(actor, order_in(fake, "accepted")["code"], shipments))
    assert posts(fake) == []
    assert records(store) == []


def test_an_order_that_skroutz_ships_takes_no_tracking(fake, actor):
    order = order_in(fake, "accepted")
    order["fulfilled_by_skroutz"] = True
    with pytest.raises(RequestError, match="Skroutz ships this order itself"):
        run(give_tracking(actor, order["code"], ["acs:1"]))
    assert posts(fake) == []


def test_a_lost_answer_about_tracking_is_settled_by_reading_the_order(fake, actor):
    fault = {"api": "skroutz", "route": "POST *", "nth": 1}
    order = order_in(fake, "accepted")
    fake.faults.add(*parse_faults({**fault, "kind": "drop_after"}))
    assert run(give_tracking(actor, order["code"], ["acs:1"])).outcome == "done"
    fake.faults.reset()
    fake.faults.add(*parse_faults({**fault, "kind": "drop_before"}))
    assert run(give_tracking(actor, order["code"], ["acs:2"])).outcome == "in_doubt"


PDF = b"%PDF-1.4 invoice"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("i.pdf", PDF, "application/pdf"),
        ("i.png", b"\x89PNG\r\n\x1a\n....", "image/png"),
        ("i.jpg", b"\xff\xd8\xff\xe0....", "image/jpeg"),
        ("named.txt", PDF + b"x" * (7_000_000 - len(PDF)), "application/pdf"),
    ],
)
def test_an_invoice_is_uploaded_with_the_type_of_its_content(tmp_path, fake, actor, name, content, kind):  # noqa: PLR0917
    order = order_in(fake, "accepted")
    path = tmp_path / name
    path.write_bytes(content)
    result = run(upload_invoice(actor, order["code"], path))
    assert (result.outcome, result.request["content_type"]) == ("done", kind)
    assert channel_of(fake).ledger()["invoice_uploads"] == {order["code"]: len(content)}
    assert "%PDF" not in records(actor.store)[0]["request"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "not a pdf"),
        (b"PK\x03\x04zip", "not a pdf"),
        (PDF + b"x" * 7_000_000, "at most 7000000"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_skroutz_would_not_take_is_not_sent(tmp_path, fake, actor, content, text):
    path = tmp_path / "i.pdf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RequestError, match=text):
        run(upload_invoice(actor, order_in(fake, "accepted")["code"], path))
    assert len(fake.calls["skroutz"].recent) == 0


def test_an_upload_that_replaces_a_file_is_in_doubt_when_its_answer_is_lost(tmp_path, fake, actor):
    order = order_in(fake, "accepted")
    path = tmp_path / "i.pdf"
    path.write_bytes(PDF)
    fake.faults.add(*parse_faults({"api": "skroutz", "route": "POST *", "kind": "drop_after", "nth": [1, 2]}))
    assert run(upload_invoice(actor, order["code"], path)).outcome == "done", "there was no file before"
    assert run(upload_invoice(actor, order["code"], path)).outcome == "in_doubt", "which of the two is shown?"
