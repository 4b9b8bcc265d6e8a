"""What the receiver answers, and what is in the inbox when it does."""

import datetime as dt
import logging
import resource
import sqlite3
from contextlib import contextmanager

import pytest
from pydantic import SecretStr
from sqlalchemy import event as sqlalchemy_event

from order_pipeline.operations import inbox
from order_pipeline.operations.refusals import refusals_since
from order_pipeline.settings import WebhookSettings
from order_pipeline.webhooks.receiver import ReceiverConfigurationError, build_app
from order_pipeline_tests.webhooks.conftest import PATH, TOKEN, run_receiver


def test_an_event_is_in_the_inbox_byte_for_byte_when_200_is_answered(receiver):
    body = b'{ "event_type":"new_order", "order": {"code":"A-1","created_at":"2026-03-01T01:30:00+02:00","x":10.40}}\n'

    answer = receiver.post(body)

    assert (answer.status_code, answer.json()["status"]) == (200, "stored")
    [row] = receiver.rows()
    assert row["body"] == body
    assert (row["order_number"], row["parsable"], row["deliveries"]) == ("A-1", True, 1)
    assert row["order_day"] == dt.date(2026, 2, 28), "the day is that of UTC, not of Athens"
    assert row["landed_at"] is None


def test_the_same_bytes_are_stored_once_and_counted(receiver, event):
    assert [receiver.post(event).status_code for _ in range(3)] == [200, 200, 200]

    [row] = receiver.rows()
    assert row["deliveries"] == 3
    assert inbox.counts(receiver.store, "skroutz").repeated == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"a":1,}', b"not json", b'"\xff"', b"[" * 5000, b'{"order": {"code": "1" "state": "open"}}'],
    ids=["empty", "cut off", "trailing comma", "text", "not utf-8", "too deep", "missing comma"],
)
def test_what_is_not_json_is_kept_marked_and_answered_400_every_time(receiver, body):
    assert [receiver.post(body).status_code for _ in range(2)] == [400, 400]

    [row] = receiver.rows()
    assert (row["body"], row["parsable"], row["deliveries"]) == (body, False, 2)
    assert inbox.pending_days(receiver.store, "skroutz") == {None: 1}, "it lands, for quarantine to show"


@pytest.mark.parametrize(
    "body", [b"[]", b"1", b'{"order": 3}', b'{"order": {"code": null}}', b'{"event_type": "other"}']
)
def test_json_without_a_usable_order_is_stored_for_quarantine_to_explain(receiver, body):
    assert receiver.post(body).status_code == 200
    assert inbox.pending_days(receiver.store, "skroutz") == {None: 1}


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/skroutz/wrong",
        "/webhooks/skroutz/",
        "/webhooks/skroutz",
        "/",
        f"/webhooks/kibo/{TOKEN}",
        f"/webhooks/nobody/{TOKEN}",
        PATH + "x",
    ],
)
def test_without_the_token_there_is_nothing_here(receiver, event, path):
    answer = receiver.post(event, path=path)

    assert (answer.status_code, answer.json()["status"]) == (404, "unknown")
    assert receiver.rows() == []


def test_neither_token_nor_customer_reaches_the_log(receiver, event, caplog):
    caplog.set_level(logging.DEBUG)
    event["order"]["customer"] = {"first_name": "Κώστας"}

    receiver.post(event)
    receiver.post("{ Κώστας".encode())
    receiver.post(event, path=PATH + "x")
    receiver.client.get(PATH)
    with _locked(receiver.store):
        assert receiver.post({**event, "event_time": "2026-03-01T10:00:01+02:00"}).status_code == 503

    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert any("answered 503" in line for line in ours)
    assert not [line for line in ours if TOKEN in line or "Κώστας" in line or "260301" in line]


def test_get_on_the_webhook_url_is_the_wrong_method(receiver):
    answer = receiver.client.get(PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_web_page_stores_nothing_and_makes_nothing_work(receiver, event, headers):
    assert receiver.post(event, headers=headers).status_code == 403
    assert receiver.post(event, path="/webhooks/wrong", headers=headers).status_code == 403
    assert receiver.client.get("/ready", headers=headers).status_code == 403
    assert receiver.rows() == []
    assert refusals_since(receiver.store, dt.date(2026, 1, 1)) == {}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(store, event, chunked):
    with run_receiver(store, max_body_bytes=1000) as receiver:
        body = b" " * 1001
        answer = receiver.client.post(PATH, content=iter([body[:600], body[600:]]) if chunked else body)

        assert answer.status_code == 413
        assert receiver.post(event).status_code == 200
        assert len(receiver.rows()) == 1


class _locked:  # noqa: N801 - reads as a statement
    """Another process holds the store's write lock."""

    def __init__(self, store):
        self.connection = sqlite3.connect(store.engine.url.database, isolation_level=None, check_same_thread=False)

    def __enter__(self):
        self.connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_):
        self.connection.execute("ROLLBACK")
        self.connection.close()


@pytest.mark.costly
def test_while_the_store_is_locked_503_is_answered_and_afterwards_200(receiver, event):
    with _locked(receiver.store):
        assert receiver.post(event).status_code == 503
        assert receiver.client.get("/ready").status_code == 503
        assert receiver.client.get("/health").status_code == 200
    assert receiver.rows() == []

    assert receiver.client.get("/ready").status_code == 200
    assert receiver.post(event).status_code == 200
    assert [row["deliveries"] for row in receiver.rows()] == [1]


def test_when_the_disk_is_full_503_is_answered_and_the_stored_events_stay(store, event):
    # SQLite's own page limit: the same SQLITE_FULL that a full disk gives.
    sqlalchemy_event.listen(store.engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count = 60"))
    with run_receiver(store) as receiver:
        answers = [receiver.post({**event, "padding": f"{number:08}" * 2000}).status_code for number in range(30)]

        assert set(answers) == {200, 503}
        assert len(receiver.rows()) == answers.count(200)


@contextmanager
def files_that_do_not_grow(path):
    """No file of this process grows beyond the size of this one: a write fails as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_ready_tells_of_a_full_disk_and_of_room_again(receiver, event, tmp_path):
    receiver.post(event)
    with files_that_do_not_grow(tmp_path / "operations.sqlite-wal"):
        assert receiver.client.get("/ready").status_code == 503
    assert receiver.client.get("/ready").status_code == 200
    assert receiver.post(event).status_code == 200


def test_ready_tells_of_a_store_that_may_have_no_more_pages(store, event):
    sqlalchemy_event.listen(store.engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count = 60"))
    with run_receiver(store) as receiver:
        assert receiver.client.get("/ready").status_code == 503


def test_asking_whether_it_is_ready_leaves_nothing_behind(receiver, event):
    receiver.post(event)
    for _ in range(3):
        assert receiver.client.get("/ready").status_code == 200
    (row,) = receiver.rows()
    assert row["channel"] == "skroutz"


def test_a_missing_table_is_not_ready_and_not_200(receiver, event):
    with receiver.store.writing() as connection:
        connection.exec_driver_sql("DROP TABLE webhook_inbox")

    assert receiver.client.get("/ready").status_code == 503
    assert receiver.post(event).status_code == 503


def test_the_allow_list_lets_in_documented_addresses_through_a_trusted_proxy(store, event):
    with run_receiver(store, allowed_sources=["skroutz"], trusted_proxies=["127.0.0.1"]) as receiver:
        assert receiver.post(event).status_code == 403
        assert receiver.post(event, headers={"X-Forwarded-For": "185.6.77.9"}).status_code == 200
        assert receiver.post(event, headers={"X-Forwarded-For": "185.6.77.9, 8.8.8.8"}).status_code == 403
        assert [row["source_address"] for row in receiver.rows()] == ["185.6.77.9"]


def test_forwarded_addresses_of_an_untrusted_peer_are_not_believed(store, event):
    with run_receiver(store, allowed_sources=["skroutz"]) as receiver:
        assert receiver.post(event, headers={"X-Forwarded-For": "185.6.77.9"}).status_code == 403


@pytest.mark.parametrize("token", [None, "short", "with/a/slash/in/it", "μη-ascii-αλλά-μεγάλο"])
def test_without_a_good_token_the_receiver_does_not_start(store, token):
    with pytest.raises(ReceiverConfigurationError, match="SECRET_PATH_TOKEN"):
        build_app(WebhookSettings(secret_path_token=token and SecretStr(token)), store)


def test_a_wrong_address_range_is_named_at_the_start(store):
    with pytest.raises(ReceiverConfigurationError, match="ALLOWED_SOURCES"):
        build_app(WebhookSettings(secret_path_token=SecretStr(TOKEN), allowed_sources=["skrouz"]), store)


@pytest.mark.costly
def test_stopping_answers_and_stores_what_was_accepted(store, event):
    with run_receiver(store) as receiver:
        assert receiver.post(event).status_code == 200
    assert inbox.counts(store, "skroutz").pending == 1
