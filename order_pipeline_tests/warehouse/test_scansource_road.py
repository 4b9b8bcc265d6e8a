"""ScanSource's whole road: the fake over HTTP, the extraction, raw in a real lake, core; and form does not matter."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from order_pipeline.channels.base import Window
from order_pipeline.channels.scansource.extraction import build_extraction
from order_pipeline.sandbox.scansource.fake import ScanSourceChannel
from order_pipeline.sandbox.scansource.items import DistributorItem
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.warehouse.core.build import build_core
from order_pipeline.warehouse.raw.ingest import COMMIT_BYTES, ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline_tests.channels.scansource.conftest import settings_for
from order_pipeline_tests.channels.scansource.raw_store import RawStore
from order_pipeline_tests.warehouse.scansource_staging import Records, project, stage

pytestmark = pytest.mark.costly

BOOKKEEPING = {"raw_sha256", "fetched_at", "run_id", "as_of", "order_day"}


@pytest.fixture(scope="module")
def running():
    with SandboxServer(orders=8, days=2, channels=["scansource"]) as server:
        yield server


@pytest.fixture
def server(running):
    running.reset()
    return running


@pytest.fixture
def fake(server):
    channel = server.channels["scansource"]
    assert isinstance(channel, ScanSourceChannel)
    return channel


@pytest.fixture
def window(server):
    return Window(server.world.first_day, server.clock.today)


def staged(server, window):
    """Rows of every core table as the models make them of one extraction, without bookkeeping."""
    store = RawStore()
    asyncio.run(store.commit_all(build_extraction(settings_for(server))(window, store)))
    rows = {
        resource: [(record_id, payload.decode()) for record_id, (_, payload) in found.items()]
        for resource, found in store.records.items()
    }
    return {
        table: sorted(str({name: row[name] for name in sorted(row) if name not in BOOKKEEPING}) for row in found)
        for table, found in stage(Records(rows)).items()
    }


@pytest.fixture(scope="module")
def plain_rows(running):
    running.reset()
    return staged(running, Window(running.world.first_day, running.clock.today))


@pytest.mark.parametrize(
    "form",
    [
        {"shuffle_arrays": True, "page_size_cap": 7, "misspelt_invoice_numbers": True},
        {"detail_without_leading_zeros": True, "pricing_wrapper": "Lines", "end_of_pages": "empty_body"},
        pytest.param({"pricing_wrapper": "items"}, marks=pytest.mark.slow),
        pytest.param({"pricing_wrapper": "list_of_Lines"}, marks=pytest.mark.slow),
        pytest.param({"to_date_excluded": True}, marks=pytest.mark.slow),
        pytest.param({"date_filter_ignored": True}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_the_form_of_the_answers_makes_no_difference_to_the_rows(server, fake, window, plain_rows, form):
    fake.configure(**form)
    assert staged(server, window) == plain_rows


@pytest.mark.slow
def test_numbers_that_come_as_text_mean_the_same(server, fake, window, plain_rows):
    fake.configure(numbers_as_text=True)
    found = staged(server, window)
    assert {table: len(rows) for table, rows in found.items()} == {
        table: len(rows) for table, rows in plain_rows.items()
    }
    assert found["shipment_lines"] == plain_rows["shipment_lines"]
    assert found["serial_numbers"] == plain_rows["serial_numbers"]


def test_without_deliveries_in_the_detail_only_their_lines_are_missing(server, fake, window, plain_rows):
    fake.configure(deliveries_absent=True)
    found = staged(server, window)
    assert [table for table in found if plain_rows[table] and not found[table]] == ["shipment_lines"]
    assert found["order_lines"] == plain_rows["order_lines"]
    # The tracking operation still knows every delivery, and serials stand in three places.
    assert len(found["shipments"]) == len(plain_rows["shipments"])
    assert len(found["serial_numbers"]) == len(plain_rows["serial_numbers"])


def run_road(lake, server, window, run_id, *, commit_bytes: int = COMMIT_BYTES, **settings: Any):
    """Ingest and build core; the ingest's result."""
    extraction = build_extraction(settings_for(server, **settings))
    known = WarehouseState(lake, "scansource")
    result = asyncio.run(ingest(lake, "scansource", extraction, window, known, run_id, commit_bytes=commit_bytes))
    days = [window.start + timedelta(days=offset) for offset in range((window.end - window.start).days)]
    build_core(lake, "scansource", days, run_id, project=project())
    return result


def rows_of(lake, sql):
    with lake.connect() as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.slow
def test_a_quota_stop_half_way_leaves_whole_orders_in_core_and_the_next_run_completes_them(server, fake, window, lake):
    fake.configure(quota_calls=12)
    fake.gate.reset()
    stopped = run_road(lake, server, window, "first")
    assert stopped.incomplete
    half = dict(rows_of(lake, "SELECT order_id, total_amount FROM core.orders WHERE tax_amount IS NOT NULL"))
    assert 0 < len(half) < fake.ledger()["orders"]
    assert rows_of(lake, "SELECT count(*) FROM core.orders") == [(len(half),)]

    fake.configure(quota_calls=None)
    server.calls["scansource"].reset()
    finished = run_road(lake, server, window, "second")
    assert not finished.incomplete
    ledger = fake.ledger()
    assert server.calls["scansource"].total("salesorder/v1/detail") == ledger["orders"] - len(half)
    counts = rows_of(
        lake,
        "SELECT (SELECT count(*) FROM core.orders), (SELECT count(*) FROM core.order_lines),"
        " (SELECT count(*) FROM core.invoices)",
    )
    assert counts == [(ledger["orders"], ledger["lines"], ledger["invoices"])]


def test_a_pricing_error_stands_in_quarantine_with_its_text_until_the_item_can_be_priced(server, fake, window, lake):
    bad = next(item for item in fake.books.items.values() if item.pricing_error)
    good = next(item for item in fake.books.items.values() if not item.pricing_error)
    items: dict[str, Any] = {"priced_items": [bad.item_number, good.item_number]}
    open_errors = "SELECT value FROM quarantine.rejects WHERE rule = 'pricing_error' AND resolved_at IS NULL"

    def observed(item: DistributorItem) -> list[tuple[Any, ...]]:
        return rows_of(
            lake,
            "SELECT is_error, error_text, unit_price IS NULL, line_amount IS NULL FROM core.prices"
            f" WHERE origin = 'pricing_api' AND requested_item = '{item.item_number}' ORDER BY as_of",
        )

    # One transaction a group: the errors and the report that ends their window are not committed together.
    run_road(lake, server, window, "first", commit_bytes=0, **items)
    assert (f"{bad.item_number}: {bad.pricing_error}",) in rows_of(lake, open_errors)
    assert observed(good) == [(False, None, False, False)]
    assert observed(bad) == [(True, bad.pricing_error, True, True)]
    stock = f"SELECT is_error, quantity_available FROM core.availability WHERE item_key = '{bad.item_number}'"
    assert (True, None) in rows_of(lake, stock)

    for item in [item for item in fake.books.items.values() if item.pricing_error]:
        fake.books.items[item.item_number.casefold()] = replace(item, pricing_error=None)
    run_road(lake, server, window, "second", **items)
    assert rows_of(lake, open_errors) == []
    assert observed(bad) == [(True, bad.pricing_error, True, True), (False, None, False, False)]


@pytest.mark.slow
def test_a_price_that_goes_and_comes_back_is_observed_three_times(server, fake, window, lake):
    item = next(item for item in fake.books.items.values() if not item.pricing_error)
    for run, stock in enumerate((7, 8, 7)):
        fake.books.items[item.item_number.casefold()] = replace(item, stock=stock)
        run_road(lake, server, window, f"run {run}", priced_items=[item.item_number])
    observed = rows_of(
        lake,
        "SELECT quantity_available FROM core.availability"
        f" WHERE origin = 'pricing' AND item_key = '{item.item_number}' ORDER BY as_of",
    )
    assert observed == [(7,), (8,), (7,)]
