"""One small world with an order for every fate: bytes in a real lake, emissions to a fake floor, two floors."""

from __future__ import annotations

import pytest

from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.destinations.settings import FloorSettings, ScanOrdersSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline.operations.store import open_store
from order_pipeline.picking.outbox.publish import publish
from order_pipeline.picking.sending.emission import emit
from order_pipeline.picking.sending.read_pick_list import read_pick_list
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline.settings import Settings
from order_pipeline.story.tell import tell_stories
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.sql.deploy import deploy
from order_pipeline.warehouse.sql.project_of_settings import project_for
from order_pipeline_tests.picking.picks import emit_rows
from order_pipeline_tests.warehouse.kibo_orders import kibo_item, kibo_order, kibo_shipment
from order_pipeline_tests.warehouse.picks.pick_lists import load_locations, scansource_line, scansource_records
from order_pipeline_tests.warehouse.poisoned_records import Record, as_json, build_from

MAIN, NORTH = "110452", "110453"
SENT, HELD, QUARANTINED, IN_DOUBT, CANCELLED, SPLIT = "501", "502", "503", "504", "505", "506"
PERSONAL = {
    "name": "Zenobia-Person",
    "street": "Secret-Street 7",
    "phone": "6900000001",
    "mail": "zenobia@person.example",
    "note": "ring twice, says Zenobia",
}
LOCATIONS = """source,sku,barcode,bin_location,warehouse,product_name
kibo,A,5200000001,A-01,MAIN,Thing A
kibo,B,5200000002,A-02,MAIN,Thing B
kibo,Z,,A-03,MAIN,Thing Z
"""


def of_kibo(number: str, *shipments, **changes) -> Record:
    """An order whose every free text is a person's."""
    order = kibo_order(int(number), *shipments, **changes)
    address = order["shippingAddressInformation"] | {
        "firstName": PERSONAL["name"],
        "addressLine1": PERSONAL["street"],
        "phone": PERSONAL["phone"],
    }
    return Record(number, as_json(order | {"shippingAddressInformation": address, "customerNotes": PERSONAL["note"]}))


def shipment(number: int, location: str = MAIN, sku: str = "A", **item):
    return kibo_shipment(number, kibo_item(number * 10, sku=sku, **item), assignedLocation=location)


def orders():
    """The orders as they are first received."""
    return [
        of_kibo(SENT, shipment(5010)),
        of_kibo(HELD, shipment(5020, sku="Z")),
        of_kibo(QUARANTINED, shipment(5030, quantity="two")),
        of_kibo(IN_DOUBT, shipment(5040)),
        of_kibo(CANCELLED, shipment(5050)),
        of_kibo(SPLIT, shipment(5060), shipment(5061, NORTH, "B")),
    ]


def settings_of(directory, sandbox) -> Settings:
    fake = sandbox.channels["scanorders"]
    return Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data_dir=directory,
        scanorders=ScanOrdersSettings(
            base_url=sandbox.channel_url("scanorders"),
            access_token=fake.issue_token(),
            send=True,
            rate=RateSettings(max_in_flight=4, backoff_cap_seconds=0.001, read_timeout_seconds=5.0),
        ),
        floors={"north": FloorSettings(access_token=fake.issue_token(account="north"))},
        kibo=KiboSettings(locations={MAIN: "main", NORTH: "north"}),
    )


@pytest.fixture(scope="package")
def world(tmp_path_factory):
    """The settings of the world, after two days of it; read it only."""
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as sandbox:
        settings = settings_of(tmp_path_factory.mktemp("story"), sandbox)
        lake = Lake(settings)
        migrate(lake)
        build_from(lake, "kibo", orders(), "fetch-1")
        for number in ("9001", "9002"):
            build_from(lake, "scansource", scansource_records(number, scansource_line(10), PONumber="PO-77"), "fetch-2")
        load_locations(lake, LOCATIONS)
        lake.run("deploy", lambda connection: deploy(connection, project_for(settings)))
        with open_store(settings.resolved_operations_url) as store:
            picks = read_pick_list(lake, store)
            sandbox.faults.add(Fault(api="scanorders", kind="drop_after", nth=1))
            doubtful = [row for row in picks.rows if row["order_number"] == IN_DOUBT]
            emit_rows(settings, store, doubtful, run_id="emit-0")
            emit(settings, store, lambda: read_pick_list(lake, store), run_id="emit-1")
            build_from(lake, "kibo", [of_kibo(CANCELLED, shipment(5050), orderStatus="CANCELLED")], "fetch-3")
            emit(settings, store, lambda: read_pick_list(lake, store), run_id="emit-2")
            publish(lake, store)
        lake.close()
        yield settings


@pytest.fixture(scope="package")
def story(world):
    """The one story behind a number."""

    def tell(number):
        told = tell_stories(world, number)
        assert len(told.stories) == 1
        return told.stories[0]

    return tell


@pytest.fixture(scope="package")
def lake(world):
    """The lake of the world."""
    lake = Lake(world)
    yield lake
    lake.close()
