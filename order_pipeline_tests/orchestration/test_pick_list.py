"""The list of picks as the emission reads it from a real lake: never a stale one, and silence is no cancellation."""

import pytest

from order_pipeline.operations.leases import LeaseHeldError, acquire
from order_pipeline.operations.store import OperationsStore
from order_pipeline.orchestration.assets.emission import emit_picks, read_pick_list
from order_pipeline.orchestration.resource import Road
from order_pipeline.picking.operators.people import list_tasks
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline.sandbox.shared.server import SandboxServer
from order_pipeline.settings import RateSettings, ScanOrdersSettings, Settings
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.reference.item_locations import load_item_locations
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


@pytest.fixture
def road(tmp_path, sandbox):
    """A lake with its views, item locations, and a ScanOrders to send to."""
    sandbox.reset()
    road = Road(
        Settings(
            _env_file=None,  # pyright: ignore[reportCallIssue]
            data_dir=tmp_path,
            scanorders=ScanOrdersSettings(
                base_url=sandbox.channel_url("scanorders"),
                access_token=sandbox.channels["scanorders"].issue_token(),
                send=True,
                rate=RateSettings(max_in_flight=2),
            ),
        )
    )
    migrate(road.lake)
    locations = tmp_path / "item_locations.csv"
    locations.write_text(LOCATIONS, encoding="utf-8")
    load_item_locations(road.lake, locations)
    arrives(road, order(1), order(2))
    road.lake.run("deploy", project().deploy)
    road.operations.create_all()
    yield road
    road.lake.close()
    road.operations.close()


def arrives(road, *orders):
    """New versions of orders are received and reach core."""
    receive(road.lake, orders, run_id=f"fetch {[each['orderStatus'] for each in orders]}")
    build(road.lake, DAY)


def accepted_orders(sandbox):
    fulfilments = sandbox.channels["scanorders"].ledger()["fulfilments"]
    return sorted(fulfilment["values"]["ordernumber"] for fulfilment in fulfilments)


class Overtaken(OperationsStore):
    """An emitter that is overtaken just before it takes the lease."""

    def __init__(self, url, meanwhile):
        super().__init__(url)
        self.meanwhile = meanwhile

    def create_all(self):
        super().create_all()
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()


def test_an_emitter_that_was_overtaken_plans_from_what_the_lake_says_by_then(road, sandbox):
    def cancel_and_emit():
        arrives(road, cancelled(2))
        assert emit_picks(road, "the other", None).report.sent == 2

    late = Road(road.settings)
    late.operations = Overtaken(road.settings.resolved_operations_url, cancel_and_emit)
    report = emit_picks(late, "late", None).report
    assert report.sent == 0
    assert accepted_orders(sandbox) == ["1", "1"]
    late.lake.close()
    late.operations.close()


def test_a_refused_emitter_has_not_even_read_the_list(road, tmp_path):
    acquire(road.operations, LEASE_NAME, "the other", 60)
    without_lake = Road(road.settings.model_copy(update={"data_dir": tmp_path / "none"}))
    without_lake.operations = road.operations
    with pytest.raises(LeaseHeldError):
        emit_picks(without_lake, "second", None)
    assert not (tmp_path / "none").exists()


BROKEN = [
    ("a total in words", order(1, total="a lot")),
    ("no manufacturer: the order's own key", order(1, manufacturerID="")),
    ("a line's quantity in words", order(1, first={"quantity": "two"})),
    ("shipments as object", order(1) | {"shipments": {}}),
]


@pytest.mark.parametrize("broken", [each for _, each in BROKEN], ids=[name for name, _ in BROKEN])
def test_a_sent_order_that_later_arrives_broken_is_not_taken_for_called_off(road, broken):
    emit_picks(road, "sent", None)
    arrives(road, broken)
    report = emit_picks(road, "broken", None).report
    assert set(states(road.operations).values()) == {"sent"}
    assert (report.new_tasks, list_tasks(road.operations)) == (0, [])
    assert rows(road.lake, "SELECT count(*) > 0 FROM marts.exceptions WHERE kind = 'reject'") == [(True,)]


def test_when_it_heals_it_is_followed_again(road):
    emit_picks(road, "sent", None)
    arrives(road, order(1, total="a lot"))
    emit_picks(road, "broken", None)
    arrives(road, cancelled(1), order(2, first={"quantity": 3, "subtotal": 30}))
    emit_picks(road, "healed", None)
    assert sorted(states(road.operations).values()) == [
        "cancelled_after_send",
        "cancelled_after_send",
        "changed_after_send",
        "sent",
    ]


def test_a_line_in_doubt_gets_no_task_from_a_broken_order_either(road, sandbox):
    sandbox.faults.add(Fault(api="scanorders", kind="drop_after"))
    emit_picks(road, "doubtful", None)
    arrives(road, order(1, total="a lot"))
    assert emit_picks(road, "broken", None).report.new_tasks == 0


def test_an_unsent_order_that_arrives_broken_is_held_for_that_and_goes_when_it_heals(road, sandbox):
    road.settings.scanorders.allowed_order_numbers = []
    emit_picks(road, "planned", None)
    arrives(road, order(1, total="a lot"))
    assert read_pick_list(road, None).quarantined_orders == {"kibo:77:1"}
    held = emit_picks(road, "broken", None).report.held_by_reason
    assert held == {"not_on_allow_list": 2, "quarantined": 2}
    arrives(road, order(1))
    road.settings.scanorders.allowed_order_numbers = ["1"]
    emit_picks(road, "healed", None)
    assert accepted_orders(sandbox) == ["1", "1"]


def test_a_broken_order_that_the_channel_called_off_is_called_off(road):
    emit_picks(road, "sent", None)
    with_broken_shipment = cancelled(1)
    with_broken_shipment["shipments"].append(kibo_shipment(11, kibo_item(199, sku="GOOD"), readyDate="yesterday"))
    arrives(road, with_broken_shipment)
    assert "kibo:77:1" in read_pick_list(road, None).quarantined_orders
    emit_picks(road, "called off", None)
    assert sorted(states(road.operations).values()) == ["cancelled_after_send"] * 2 + ["sent"] * 2
