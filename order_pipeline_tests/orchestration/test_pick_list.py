"""The list of picks as the emission reads it from a real lake: never a stale one, and silence is no cancellation."""

import json
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline.operations.leases import LeaseHeldError, acquire
from order_pipeline.operations.store import OperationsStore
from order_pipeline.orchestration.assets.picking import emit_picks
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.picking.operators.views import list_tasks, show
from order_pipeline.picking.sending import read_pick_list as reading
from order_pipeline.picking.sending.days_to_read import copy_days
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.picking.sending.read_pick_list import lines_to_follow, pick_list_of, read_pick_list
from order_pipeline.privacy.erase import erase
from order_pipeline.privacy.subjects import Subject, SubjectKind
from order_pipeline.reference.item_locations import load_item_locations
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline.settings import Settings
from order_pipeline.story.as_sent import known_when_sent
from order_pipeline.warehouse.lake.upkeep import upkeep
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.sql.deploy import deploy
from order_pipeline_tests.picking.picks import states
from order_pipeline_tests.warehouse.kibo_orders import (
    DAY,
    build,
    kibo_item,
    kibo_order,
    kibo_shipment,
    project,
    receive,
    rows,
)

pytestmark = pytest.mark.costly

PAGE = Path(__file__).parents[2] / "docs/sql.md"
LOCATIONS = """source,sku,barcode,bin_location,warehouse,product_name
kibo,GOOD,4006381333931,A-01,MAIN,Good thing
kibo,OTHER,0001234567895,A-02,MAIN,Other thing
"""


def order(number, *, first=None, **changes):
    """Two lines to pick."""
    items = kibo_item(number * 100, sku="GOOD", **(first or {})), kibo_item(number * 100 + 1, sku="OTHER")
    return kibo_order(number, kibo_shipment(number * 10, *items), **changes)


def cancelled(number):
    items = [kibo_item(number * 100 + place, sku="GOOD", itemState="CANCELED") for place in range(2)]
    return kibo_order(number, kibo_shipment(number * 10, *items, shipmentStatus="CANCELED"), orderStatus="CANCELED")


@pytest.fixture(scope="module")
def sandbox():
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as server:
        yield server


def opened(directory, sandbox):
    """The stores in a directory, and a ScanOrders to send to."""
    return PipelineResource(
        Settings(
            _env_file=None,  # pyright: ignore[reportCallIssue]
            data_dir=directory,
            scanorders=ScanOrdersSettings(
                base_url=sandbox.channel_url("scanorders"),
                access_token=sandbox.channels["scanorders"].issue_token(),
                send=True,
                rate=RateSettings(max_in_flight=2),
            ),
        )
    )


@pytest.fixture(scope="module")
def made_directory(tmp_path_factory, sandbox):
    """A lake with its views, item locations and two orders, made once and copied for each test."""
    directory = tmp_path_factory.mktemp("made")
    pipeline = opened(directory, sandbox)
    with closing(pipeline.lake), closing(pipeline.operations):
        migrate(pipeline.lake)
        locations = directory / "item_locations.csv"
        locations.write_text(LOCATIONS, encoding="utf-8")
        load_item_locations(pipeline.lake, locations)
        arrives(pipeline, order(1), order(2))
        pipeline.lake.run("deploy", lambda connection: deploy(connection, project()))
        pipeline.operations.create_all()
    return directory


@pytest.fixture
def pipeline(tmp_path, made_directory, sandbox):
    sandbox.reset()
    shutil.copytree(made_directory, tmp_path, dirs_exist_ok=True)
    pipeline = opened(tmp_path, sandbox)
    with closing(pipeline.lake), closing(pipeline.operations):
        yield pipeline


def arrives(pipeline, *orders):
    """New versions of orders are received and reach core."""
    receive(pipeline.lake, orders, run_id=f"fetch {[each['orderStatus'] for each in orders]}")
    build(pipeline.lake, DAY)


def accepted_orders(sandbox):
    return sorted(each["values"]["ordernumber"] for each in sandbox.channels["scanorders"].ledger()["fulfilments"])


class Overtaken(OperationsStore):
    """An emitter that is overtaken just before it takes the lease."""

    def __init__(self, url, meanwhile):
        super().__init__(url)
        self.meanwhile = meanwhile

    def create_all(self):
        super().create_all()
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()


def test_an_emitter_that_was_overtaken_plans_from_what_the_lake_says_by_then(pipeline, sandbox):
    def cancel_and_emit():
        arrives(pipeline, cancelled(2))
        assert emit_picks(pipeline, "the other").sent == 2

    late = PipelineResource(pipeline.settings)
    late.operations = Overtaken(pipeline.settings.resolved_operations_url, cancel_and_emit)
    report = emit_picks(late, "late")
    assert report.sent == 0
    assert accepted_orders(sandbox) == ["1", "1"]
    late.lake.close()
    late.operations.close()


def test_a_refused_emitter_has_not_even_read_the_list(pipeline, monkeypatch):
    acquire(pipeline.operations, LEASE_NAME, "the other", 60)
    monkeypatch.setattr("order_pipeline.orchestration.assets.picking.read_pick_list", lambda *_: 1 / 0)
    with pytest.raises(LeaseHeldError):
        emit_picks(pipeline, "second")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(order(1, manufacturerID=""), id="no manufacturer: the order's own key"),
        pytest.param(order(1, total="a lot"), id="a total in words", marks=pytest.mark.slow),
        pytest.param(order(1, first={"quantity": "two"}), id="a line's quantity in words", marks=pytest.mark.slow),
        pytest.param(order(1) | {"shipments": {}}, id="shipments as object", marks=pytest.mark.slow),
    ],
)
def test_a_sent_order_that_later_arrives_broken_is_not_taken_for_called_off(pipeline, broken):
    emit_picks(pipeline, "sent")
    arrives(pipeline, broken)
    report = emit_picks(pipeline, "broken")
    assert set(states(pipeline.operations).values()) == {"sent"}
    assert (report.new_tasks, list_tasks(pipeline.operations)) == (0, [])
    assert rows(pipeline.lake, "SELECT count(*) > 0 FROM marts.exceptions WHERE kind = 'reject'") == [(True,)]


def test_when_it_heals_it_is_followed_again(pipeline):
    emit_picks(pipeline, "sent")
    arrives(pipeline, order(1, total="a lot"))
    emit_picks(pipeline, "broken")
    arrives(pipeline, cancelled(1), order(2, first={"quantity": 3, "subtotal": 30}))
    emit_picks(pipeline, "healed")
    assert sorted(states(pipeline.operations).values()) == [
        "cancelled_after_send",
        "cancelled_after_send",
        "changed_after_send",
        "sent",
    ]


def test_a_line_in_doubt_gets_no_task_from_a_broken_order_either(pipeline, sandbox):
    sandbox.faults.add(Fault(api="scanorders", kind="drop_after"))
    emit_picks(pipeline, "doubtful")
    arrives(pipeline, order(1, total="a lot"))
    assert emit_picks(pipeline, "broken").new_tasks == 0


def test_an_unsent_order_that_arrives_broken_is_held_for_that_and_goes_when_it_heals(pipeline, sandbox):
    pipeline.settings.scanorders.allowed_order_numbers = []
    emit_picks(pipeline, "planned")
    arrives(pipeline, order(1, total="a lot"))
    assert read_pick_list(pipeline.lake, pipeline.operations).quarantined_orders == {"kibo:77:1"}
    held = emit_picks(pipeline, "broken").held_by_reason
    assert held == {"not_on_allow_list": 2, "quarantined": 2}
    arrives(pipeline, order(1))
    pipeline.settings.scanorders.allowed_order_numbers = ["1"]
    emit_picks(pipeline, "healed")
    assert accepted_orders(sandbox) == ["1", "1"]


def test_a_broken_order_that_the_channel_called_off_is_called_off(pipeline):
    emit_picks(pipeline, "sent")
    with_broken_shipment = cancelled(1)
    with_broken_shipment["shipments"].append(kibo_shipment(11, kibo_item(199, sku="GOOD"), readyDate="yesterday"))
    arrives(pipeline, with_broken_shipment)
    assert "kibo:77:1" in read_pick_list(pipeline.lake, pipeline.operations).quarantined_orders
    emit_picks(pipeline, "called off")
    assert sorted(states(pipeline.operations).values()) == ["cancelled_after_send"] * 2 + ["sent"] * 2


def arrives_later(pipeline, day, *orders):
    """The orders are of that day, and reach core."""
    receive(pipeline.lake, orders, run_id=f"fetch {day}", day=day)
    build(pipeline.lake, day)


def without_order(picks):
    """The list in the order of its pick ids, as a view promises none; the basis is read for an emission alone."""
    rows = sorted(picks.rows, key=lambda row: row["pick_id"])
    return replace(picks, rows=rows, upstream=sorted(picks.upstream, key=lambda each: each.pick_id), basis={})


def test_a_list_read_of_the_days_with_picks_is_that_of_all_days(pipeline):
    emit_picks(pipeline, "sent")
    arrives(pipeline, cancelled(1), cancelled(2))
    other_day = DAY.replace(day=9)
    arrives_later(pipeline, other_day, order(3, orderDate="2026-01-09T10:00:00+00:00"))
    with pipeline.lake.snapshot() as connection:
        whole = pick_list_of(connection, pipeline.operations, lines_to_follow(pipeline.operations))
    of_days = read_pick_list(pipeline.lake, pipeline.operations)
    assert without_order(of_days) == without_order(whole)
    assert [len(of_days.rows), len(of_days.upstream)] == [2, 4]


def test_a_day_without_picks_is_read_while_a_pick_of_it_is_followed_and_no_longer(pipeline, monkeypatch):
    read = []
    monkeypatch.setattr(reading, "copy_days", lambda copied, days: (read.append(days), copy_days(copied, days)))
    emit_picks(pipeline, "sent")
    arrives(pipeline, cancelled(1), cancelled(2))
    emit_picks(pipeline, "called off")
    assert read == [{DAY}, {DAY}]
    monkeypatch.setattr(reading, "is_over", lambda _line, _now: True)
    emit_picks(pipeline, "over")
    assert read[2] == set()
    assert set(states(pipeline.operations).values()) == {"cancelled_after_send"}


def known_of(pipeline, order_number):
    """What is told of the order's first line, and the order as its raw version has it."""
    lines = [story.line for story in show(pipeline.operations, order_number)]
    known = known_when_sent(pipeline.settings, pipeline.operations, lines)[lines[0].pick_id]
    (version,) = known.versions
    return known.basis, version["is_current"], json.loads(version["payload"])


def test_what_was_known_of_a_line_when_it_was_sent_is_told_after_a_year_and_without_who_was_erased(pipeline):
    sent_from = emit_picks(pipeline, "sent").snapshot_id
    then = order(1)
    arrives(pipeline, order(1, first={"quantity": 3, "subtotal": 30}, orderStatus="CANCELED"))
    moved = LOCATIONS.replace("A-01", "Z-99")
    (pipeline.settings.data_dir / "item_locations.csv").write_text(moved, encoding="utf-8")
    load_item_locations(pipeline.lake, pipeline.settings.data_dir / "item_locations.csv")
    upkeep(pipeline.lake, now=datetime.now(UTC) + timedelta(days=400))
    with pytest.raises(duckdb.Error, match="snapshot"):
        rows(pipeline.lake, f"FROM marts.pick_lines AT (VERSION => {sent_from})")

    basis, is_current, payload = known_of(pipeline, "1")
    assert basis is not None
    told = [basis[name] for name in ("sku", "barcode", "quantity", "bin_location", "warehouse", "order_status")]
    assert told == ["GOOD", "4006381333931", 1, "A-01", "MAIN", "accepted"]
    assert basis["rules"] == project().fingerprint(["pick_lines"])
    assert (is_current, payload) == (False, then)
    assert known_of(pipeline, "2")[1:] == (True, order(2))
    of_the_page = PAGE.read_text(encoding="utf-8").partition("## What was known when")[2].split("```")[1]
    ((_, quantity, bin_location, _, _, payload),) = pipeline.lake.query(of_the_page.removeprefix("sql")).rows
    assert (quantity, bin_location, json.loads(payload)) == (1, "A-01", then)

    erase(*pipeline_stores(pipeline), Subject(SubjectKind.ORDER, "1"), "the officer", "asked")
    basis, _, payload = known_of(pipeline, "1")
    assert basis is not None
    assert basis["bin_location"] == "A-01"
    assert then["customer"]["email"] not in json.dumps(payload)


def pipeline_stores(pipeline):
    return pipeline.settings, pipeline.operations, pipeline.lake, project()


def test_of_a_line_that_was_not_sent_nothing_is_kept(pipeline):
    pipeline.settings.scanorders.send = False
    emit_picks(pipeline, "planned")
    lines = [story.line for story in show(pipeline.operations, "1")]
    known = known_when_sent(pipeline.settings, pipeline.operations, lines)
    assert [(each.basis, each.versions) for each in known.values()] == [(None, [])] * 2
