"""A one-time code is gone from the inbox as soon as its event has landed, and nobody reads it through SQL before."""

import sqlite3
from pathlib import Path

import duckdb
import pytest

from order_pipeline.channels.skroutz.order_document import without_codes
from order_pipeline.operations import inbox, inbox_bodies
from order_pipeline.warehouse.lake.operations_attachment import attach_operations
from order_pipeline_tests.channels.skroutz.conftest import make_event

CODE = "918273"
INVOICE = {"company": "ACME", "vat_exclusion_representative": {"otp": CODE, "mobile": "697"}}


def bodies(store):
    with store.reading() as connection:
        return [row.body for row in connection.execute(inbox.webhook_inbox.select())]


@pytest.mark.costly
def test_a_code_leaves_with_the_landing_from_table_file_and_lake(road):
    road.receive(make_event("A-1", invoice_details=INVOICE), make_event("A-2"))
    before = bodies(road.store)
    road.land(build=False)

    assert CODE.encode() in before[0]
    assert CODE.encode() not in b"".join(bodies(road.store))
    assert bodies(road.store)[1] == before[1]
    assert road.one("SELECT count(*) FROM raw.skroutz_orders WHERE contains(payload, '918273')") == 0
    road.store.close()
    file = Path(str(road.store.engine.url.database))
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert CODE.encode() not in file.read_bytes()


@pytest.mark.costly
def test_a_run_killed_after_the_codes_left_lands_the_same_event_once(road):
    road.receive(make_event("A-1", invoice_details=INVOICE))
    road.land(confirm=False, build=False)
    assert inbox_bodies.clean_bodies(road.store, [1], without_codes) == 1
    assert inbox.counts(road.store, "skroutz").pending == 1
    road.land(build=False)
    assert road.one("SELECT count(*) FROM raw.skroutz_orders") == 1


def test_sql_shows_no_body_of_an_event(road):
    road.receive(make_event("A-1", invoice_details=INVOICE))
    with duckdb.connect() as connection:
        attach_operations(connection, road.store.engine.url.render_as_string(hide_password=False))
        shown = connection.execute("SELECT * FROM ops.webhook_inbox")
        assert "body" not in [column[0] for column in shown.description or ()]
        assert len(shown.fetchall()) == 1
