"""Nothing is sent on a webhook's word alone: the run that it starts reads the order first, or holds it.

One floor, three runs from the inbox to it: the API answers, the API is down, the API answers again.
"""

import datetime as dt
import json

import pytest
from pydantic import SecretStr

from order_pipeline.channels.base import CommitGroup, RecordBatch, Window
from order_pipeline.channels.registry import webhooks
from order_pipeline.channels.skroutz.channel import CHANNEL, INBOX
from order_pipeline.channels.skroutz.inbox_extraction import InboxExtraction
from order_pipeline.channels.skroutz.inbox_read_back import InboxReadBack
from order_pipeline.channels.skroutz.observations import add_observation
from order_pipeline.channels.skroutz.reread import RereadExtraction
from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline.operations import inbox
from order_pipeline.orchestration.assets.picking import emit_picks
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.picking.operators.views import list_tasks
from order_pipeline.reference.item_locations import load_item_locations
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline.settings import Settings
from order_pipeline.story.tell import tell_stories
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.webhooks.receiver import received_event
from order_pipeline_tests.channels.skroutz.conftest import Road, channel_of, make_event, settings_for

pytestmark = pytest.mark.costly

DAYS = Window(dt.date(2026, 1, 10), dt.date(2026, 1, 17))
INVENTED = "260115-9999999"
LINE = {"id": "l1", "shop_uid": "SK-4001", "product_name": "X", "quantity": 2, "unit_price": 10, "total_price": 20}
LOCATIONS = """source,sku,barcode,bin_location,warehouse,product_name
skroutz,SK-4001,4006381333931,A-01,MAIN,Thing
"""


class Floor:
    """A shop, its pipeline, and what was on the floor after each run."""

    def __init__(self, server, folder):
        self.server, self.book = server, channel_of(server).book
        skroutz = settings_for(server, reread_days=10_000)
        scanorders = ScanOrdersSettings(
            base_url=server.channel_url("scanorders"),
            access_token=server.channels["scanorders"].issue_token(),
            send=True,
            rate=RateSettings(max_in_flight=2),
        )
        settings = Settings(_env_file=None, data_dir=folder, skroutz=skroutz, scanorders=scanorders)
        self.pipeline = PipelineResource(settings)
        self.pipeline.prepare_stores()
        locations = folder / "locations.csv"
        locations.write_text(LOCATIONS, encoding="utf-8")
        load_item_locations(self.pipeline.lake, locations)
        self.orders = {}

    def order(self, name, **changes):
        """An accepted order of one line, as the API has it: one of the book's, under this name in the test."""
        taken = {order["code"] for order in self.orders.values()}
        order = next(order for code, order in self.book.orders.items() if code not in taken)
        common = {"state": "accepted", "fulfilled_by_skroutz": False, "line_items": [LINE], "rejection_info": None}
        order.update(common | changes)
        self.orders[name] = order
        return order

    def deliver(self, order, **envelope):
        """A webhook of this moment that tells the order."""
        at = self.server.clock.now().isoformat(timespec="seconds")
        event = {"event_type": "order_updated", "event_time": at} | envelope
        body = json.dumps({key: value for key, value in event.items() if value} | {"order": order}).encode()
        received = received_event("skroutz", webhooks()["skroutz"], body, "127.0.0.1", dt.datetime.now(dt.UTC))
        inbox.store_events(self.pipeline.operations, [received])

    def run(self, name):
        """From the inbox to the floor; returns what there is then."""
        fetched = self.pipeline.fetch(CHANNEL, DAYS, name, only=INBOX)
        self.pipeline.build_core("skroutz", sorted(fetched.stale_days), name)
        self.pipeline.deploy_models()
        emit_picks(self.pipeline, name)
        with self.pipeline.lake.connect() as connection:
            holds = connection.execute("SELECT order_number, hold_reason, hold_detail FROM marts.pick_lines").fetchall()
            exceptions = connection.execute(
                "SELECT kind, split_part(order_id, ':', 3), reason, detail FROM marts.exceptions"
            ).fetchall()
        fulfilments = self.server.channels["scanorders"].ledger()["fulfilments"]
        return {
            "sent": [fulfilment["values"]["ordernumber"] for fulfilment in fulfilments],
            "holds": {number: (reason, detail) for number, reason, detail in holds},
            "exceptions": exceptions,
            "pending": inbox.counts(self.pipeline.operations, "skroutz").pending,
            "tasks": list_tasks(self.pipeline.operations),
            "reports": fetched.reports,
        }


@pytest.fixture(scope="module")
def floor(tmp_path_factory):
    with SandboxServer(seed=3, orders=12, days=3, channels=["skroutz", "scanorders"]) as server:
        floor = Floor(server, tmp_path_factory.mktemp("floor"))
        yield floor
        floor.pipeline.lake.close()
        floor.pipeline.operations.close()


@pytest.fixture(scope="module")
def runs(floor):
    """What there was after each of the three runs."""
    read, cancelled, refused = floor.order("read"), floor.order("cancelled"), floor.order("refused")
    for order in (read, cancelled, refused, {**read, "code": INVENTED}):
        floor.deliver(order)
    cancelled["state"] = "cancelled"
    floor.server.faults.add(Fault(api="skroutz", route=f"GET *{refused['code']}", kind="status", status=410))
    first = floor.run("first")

    floor.server.faults.reset()
    floor.server.clock.advance(minutes=1)
    floor.server.faults.add(Fault(api="skroutz", kind="status", status=429))
    floor.deliver({**read, "comments": "ring twice"})
    floor.deliver(floor.order("late"))
    forged = {"observed_by": "read", "observed_at": "2999-01-01T00:00:00Z", "follows_event": True}
    floor.deliver(floor.order("forged"), **forged)
    floor.deliver(floor.order("forged bare"), **forged, event_type=None, event_time=None)
    second = floor.run("second")

    floor.server.faults.reset()
    floor.server.clock.advance(minutes=1)
    return first, second, floor.run("third")


def test_an_order_is_read_and_then_sent_by_the_run_that_its_webhook_starts(floor, runs):
    assert runs[0]["sent"] == [floor.orders["read"]["code"]]
    assert runs[0]["pending"] == 0


def test_an_order_that_the_api_calls_cancelled_is_not_sent(floor, runs):
    code = floor.orders["cancelled"]["code"]
    assert code not in runs[0]["holds"]
    assert code not in runs[2]["sent"]


@pytest.mark.parametrize(("code", "answer"), [(INVENTED, "404"), (None, "410")])
def test_an_order_whose_read_is_refused_is_held_and_says_why(floor, runs, code, answer):
    code = code or floor.orders["refused"]["code"]
    reason, detail = runs[0]["holds"][code]
    assert reason == "awaiting_read"
    assert answer in detail
    assert ("held", code, reason, detail) in runs[0]["exceptions"]
    assert any(row[0] == "reject" and answer in row[3] for row in runs[0]["exceptions"])


def test_while_the_api_is_down_the_events_land_and_their_orders_are_held(floor, runs):
    assert runs[1]["pending"] == 0
    held = {code for code, (reason, _) in runs[1]["holds"].items() if reason == "awaiting_read"}
    names = ("read", "refused", "late", "forged", "forged bare")
    assert held == {INVENTED, *(floor.orders[name]["code"] for name in names)}
    (report,) = [each for each in runs[1]["reports"] if not each.complete]
    assert "answered 429" in report.note
    assert any(row[0] == "incomplete window" and "answered 429" in row[3] for row in runs[1]["exceptions"])


def test_a_sent_line_is_not_sent_again_and_gets_no_task_for_a_webhook_that_waits(floor, runs):
    assert runs[1]["sent"] == runs[0]["sent"]
    assert runs[1]["tasks"] == []
    assert runs[2]["sent"].count(floor.orders["read"]["code"]) == 1


def test_what_waited_is_asked_for_again_and_sent_once_it_was_read(floor, runs):
    names = ("read", "refused", "late", "forged", "forged bare")
    assert sorted(runs[2]["sent"]) == sorted(floor.orders[name]["code"] for name in names)
    assert {code for code, (reason, _) in runs[2]["holds"].items() if reason} == {INVENTED}
    assert not [row for row in runs[2]["exceptions"] if row[0] == "incomplete window"]


def test_trace_says_that_an_order_waits_for_its_read(floor, runs):
    (story,) = tell_stories(floor.pipeline.settings, INVENTED).stories
    assert "awaiting_read" in story["verdict"]
    assert any("404" in (line["detail"] or "") for line in story["outbox"])


def test_an_order_of_an_earlier_version_is_held_and_asked_for(floor, runs):
    lake, code = floor.pipeline.lake, floor.orders["late"]["code"]
    lake.run("as before", lambda connection: connection.execute("UPDATE core.orders SET awaits_read = NULL"))
    known = WarehouseState(lake, "skroutz")
    assert code in known.awaiting_read("shop")
    assert known.awaiting_read("another shop") == {}
    (reason,) = lake.query(f"SELECT DISTINCT hold_reason FROM marts.pick_lines WHERE order_number = '{code}'").rows[0]
    assert reason == "awaiting_read"


# name -> (what raw got one after the other: who told it, and when; whether the order waits for a read)
STORIES = {
    "an event alone": ([("event", 0)], True),
    "a read alone": ([("read", 0)], False),
    "a read after the event": ([("event", 0), ("read", 5)], False),
    "an event after the read": ([("event", 0), ("read", 5), ("event", 9)], True),
    "an event that came late": ([("read", 5), ("event", 0)], False),
    "a read of that second, asked for before or after": ([("event", 5), ("read", 5)], True),
    "a read that followed the event in the same second": ([("event", 5), ("follow", 5)], False),
    "a read that followed the event by a clock that is behind": ([("event", 9), ("follow", 5)], False),
    "an event of the second in which an earlier one was read": ([("event", 5), ("follow", 5), ("event", 5)], True),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Whether each order of `STORIES` waits, by core."""
    road = Road(tmp_path_factory.mktemp("road"))
    start = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(minutes=1)

    def at(second):
        return start + dt.timedelta(seconds=second)

    def extraction(step):
        async def yield_step(_window, _known):
            batch = RecordBatch("orders")
            for code, (parts, _) in STORIES.items():
                for kind, second in parts[step : step + 1]:
                    event = make_event(code, state="accepted", at=at(second).isoformat(), comments=str(step))
                    if kind == "event":
                        add_observation(batch, json.dumps(event).encode(), at(second), "webhook")
                        continue
                    follows = max(at(each) for _, each in parts[:step]) if kind == "follow" else None
                    body = json.dumps({"order": event["order"]}).encode()
                    add_observation(batch, body, at(second), "read", follows=follows)
            yield CommitGroup(batches=[batch])

        return yield_step

    for step in range(3):
        road.build(road.ingest(extraction(step), None))
    yield dict(road.rows("SELECT order_number, awaits_read FROM core.orders"))
    road.close()


@pytest.mark.parametrize("name", STORIES)
def test_an_order_waits_while_its_latest_word_is_an_events(told, name):
    assert told[name] == STORIES[name][1]


@pytest.fixture
def shop(tmp_path, floor):
    """A lake and an inbox without a floor, in which 30 accepted orders wait that Skroutz does not know."""
    floor.server.faults.reset()
    floor.server.calls["skroutz"].reset()
    road = Road(tmp_path, settings_for(floor.server))
    road.receive(*(make_event(f"260115-{number:07}", state="accepted") for number in range(30)))
    yield road
    road.close()


def land(road):
    """Land the inbox with its reads; returns the read-back and the report of the reads."""
    read_back = InboxReadBack(InboxExtraction(road.store, take_all=True), road.skroutz)
    result = road.ingest(read_back, None)
    assert road.one("SELECT count(*) FROM raw.skroutz_orders") == 30
    return read_back, result.reports[-1]


def test_a_run_that_webhooks_start_reads_no_more_than_the_limit(floor, shop):
    shop.skroutz.read_back_most_orders = 4
    read_back, _ = land(shop)
    assert len(read_back.answered) == floor.server.calls["skroutz"].total("GET") == 4


def test_an_api_that_is_down_costs_such_a_run_one_group_of_reads(floor, shop):
    floor.server.faults.add(Fault(api="skroutz", kind="status", status=503))
    read_back, report = land(shop)
    assert read_back.answered == set()
    assert "25 failed (answered 503 25)" in report.note


@pytest.mark.parametrize("token", [None, SecretStr("replaced")])
def test_without_a_token_that_works_the_events_land(shop, token):
    shop.skroutz.token = token
    _, report = land(shop)
    assert not report.complete
    assert "TOKEN" in report.note


def test_what_waits_for_a_read_comes_first_where_not_all_can_be_read(shop):
    shop.receive(make_event("260115-9000000", state="open"), make_event("260115-9000001", state="open"))
    shop.land()
    due = RereadExtraction(shop.skroutz)
    waiting = {f"260115-{number:07}" for number in range(30)}
    shop.skroutz.reread_most_orders = 30
    shop.ingest(due, None)
    assert due.answered == waiting
