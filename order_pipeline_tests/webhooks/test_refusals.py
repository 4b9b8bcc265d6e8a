"""Who is turned away leaves a line in the log without personal data, and a count; a large order is not turned away."""

import datetime as dt
import json
import logging
import random
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import DataError

from order_pipeline.operations.inbox import store_events
from order_pipeline.operations.refusals import Refusal, add_refusals, refusals_since
from order_pipeline.sandbox.shared.catalogue import catalogue
from order_pipeline.sandbox.skroutz.orders import ask_for_invoice, draw_line, plain_order
from order_pipeline.webhooks import group_commit
from order_pipeline.webhooks import receiver as receiver_module
from order_pipeline_tests.webhooks.conftest import PATH, TOKEN, run_receiver

TODAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
LINES = 10_000


def counted(store):
    return refusals_since(store, TODAY)


def refused_lines(caplog):
    return [line for record in caplog.records if (line := record.getMessage()).startswith("refused")]


@pytest.mark.parametrize(
    ("path", "counted_as"),
    [
        ("/webhooks/skroutz/wrong-token", ("skroutz", Refusal.TOKEN)),
        (f"/webhooks/kibo/{TOKEN}", ("", Refusal.CHANNEL)),
        ("/webhooks/nobody/wrong-token", ("", Refusal.TOKEN)),
        (f"/webhooks/skroutz/{TOKEN}/more", ("", Refusal.PATH)),
        ("/webhooks", ("", Refusal.PATH)),
    ],
)
def test_a_wrong_path_is_counted_and_never_shown(store, event, caplog, path, counted_as):
    with run_receiver(store) as receiver:
        assert [receiver.post(event, path=path).status_code for _ in range(3)] == [404] * 3
    assert counted(store) == {counted_as: 3}
    assert len(refused_lines(caplog)) == 3
    assert not [line for line in refused_lines(caplog) if TOKEN in line or "wrong-token" in line or "nobody" in line]


def test_a_body_that_is_too_large_is_counted(store, event, caplog):
    with run_receiver(store, max_body_bytes=100) as receiver:
        event["order"]["customer"] = {"first_name": "Κώστας"}
        assert receiver.post(event).status_code == 413
    assert counted(store) == {("skroutz", Refusal.TOO_LARGE): 1}
    (line,) = refused_lines(caplog)
    assert "too large" in line
    assert "Κώστας" not in line


def test_an_address_that_is_not_on_the_list_is_counted(store, event):
    with run_receiver(store, allowed_sources=["skroutz"]) as receiver:
        assert receiver.post(event).status_code == 403
    assert counted(store) == {("skroutz", Refusal.ADDRESS): 1}


@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_body_that_does_not_arrive_is_counted(store, monkeypatch, hangs_up):
    monkeypatch.setattr(receiver_module, "_BODY_WITHIN_SECONDS", 10.0 if hangs_up else 0.05)
    with run_receiver(store) as receiver:
        port = int(receiver.base_url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            head = f"POST {PATH} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{{"
            connection.sendall(head.encode())
            if not hangs_up:
                assert b"408" in connection.recv(100)
    assert counted(store) == {("skroutz", Refusal.CUT_OFF if hangs_up else Refusal.TOO_SLOW): 1}


def test_counts_add_up_by_day_and_survive_a_restart(store):
    store.create_all()
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    add_refusals(store, {("skroutz", Refusal.TOO_LARGE): 2, ("", Refusal.TOKEN): 1}, yesterday)
    add_refusals(store, {("skroutz", Refusal.TOO_LARGE): 3}, dt.datetime.now(dt.UTC))
    assert counted(store) == {("skroutz", Refusal.TOO_LARGE): 5, ("", Refusal.TOKEN): 1}
    assert refusals_since(store, dt.datetime.now(dt.UTC).date()) == {("skroutz", Refusal.TOO_LARGE): 3}


def test_a_count_that_cannot_be_written_costs_no_webhook(store, event, caplog):
    with run_receiver(store) as receiver:
        with store.writing() as connection:
            connection.exec_driver_sql("DROP TABLE webhook_refusals")
        assert receiver.post(event, path=PATH + "x").status_code == 404
        assert receiver.post(event).status_code == 200
    assert any(
        record.levelno == logging.ERROR and "could not be counted" in record.message for record in caplog.records
    )


def large_order():
    """10,000 lines with every key that a line may have, and every letter that is not ASCII as an escape."""
    draw = random.Random(1)
    products = catalogue()
    order = plain_order(draw, "260105-1234567", dt.datetime(2026, 1, 5, tzinfo=dt.UTC))
    ask_for_invoice(order, "invoice_39a")
    order["line_items"] = [
        draw_line(draw, product)
        | {"ean": product.barcode, "mpn": "MPN-123456", "shop_variation_uid": "V", "serial_numbers": "SN12345,SN56789"}
        | {"extra_info": "Χρώμα: Πράσινο\\nΓραβούρα: Ν.Π.", "tags": ["plus_deal", "coupon_deal", "two_plus_deal"]}  # noqa: RUF001
        | {"size": {"label": "Νούμερο", "value": "42", "shop_value": "42", "shop_variation_uid": "V", "mpn": "M"}}
        for product in draw.choices(products, k=LINES)
    ]
    event = {"event_type": "new_order", "event_time": order["created_at"], "order": order}
    return json.dumps(event).encode()


def test_an_order_of_ten_thousand_lines_fits(store):
    body = large_order()
    assert len(body) > 7_000_000
    with run_receiver(store) as receiver:
        assert receiver.post(body).status_code == 200
        [row] = receiver.rows()
    assert row["body"] == body
    assert counted(store) == {}


@pytest.mark.parametrize("code", ["a\0b", "\u200b", "x" * 100_000])
def test_a_code_that_no_text_of_a_store_can_hold_costs_no_webhook(store, event, code):
    event["order"]["code"] = code
    with run_receiver(store) as receiver:
        assert receiver.post(event).status_code == 200
        [row] = receiver.rows()
    assert row["order_number"] == (code if code.isprintable() else None)
    assert json.loads(row["body"])["order"]["code"] == code


def test_an_event_whose_values_the_store_refuses_costs_no_other(store, event, monkeypatch):
    def refuse_one(store, events):
        if any(b"refused" in received.body for received in events):
            raise DataError("INSERT", None, ValueError("no such text"))
        store_events(store, events)

    monkeypatch.setattr(group_commit, "store_events", refuse_one)
    with run_receiver(store) as receiver, ThreadPoolExecutor(8) as threads:
        bodies = [{**event, "number": number} for number in range(20)] + [{**event, "note": "refused"}]
        answers = Counter(threads.map(lambda body: receiver.post(body).status_code, bodies))
        assert answers == {200: 20, 503: 1}
        assert len(receiver.rows()) == 20
