"""A world in which one person stands in every place, beside somebody else; and a search over all bytes of it."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from order_pipeline.channels.base import DeadLetter
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.operations.inbox import ReceivedEvent, store_events
from order_pipeline.orchestration.assets.picking import emit_picks
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.reference.item_locations import load_item_locations
from order_pipeline.settings import Settings
from order_pipeline_tests.warehouse.kibo_orders import DAY, kibo_item, kibo_order, kibo_shipment, receive

FIRST, LAST, EMAIL, PHONE, STREET = "Zebulonia", "Quandrelle", "zeb.q@needle.example", "+306971234567", "Nadelgasse 77"
KILLED = "ducklake-00000000-0000-7000-8000-000000000000.parquet"
TRACES = (FIRST, LAST, EMAIL, "6971234567", STREET)
LOCATIONS = """source,sku,barcode,bin_location,warehouse,product_name,not_stocked
kibo,GOOD,4006381333931,A-01,MAIN,Good thing,
"""
WEBHOOK = {
    "event_type": "order_updated",
    "order": {
        "code": "260105-7777777",
        "created_at": "2026-01-05T10:00:00+02:00",
        "customer": {"first_name": FIRST, "last_name": LAST, "mobile": "(+30) 6971234567", "address": {}},
    },
}


def order_of_person(number, **changes):
    """An order of the person, of one item that can be picked."""
    order = kibo_order(number, kibo_shipment(number * 10, kibo_item(number * 100, sku="GOOD")), **changes)
    order["customer"] |= {"firstName": FIRST, "lastName": LAST, "email": EMAIL, "phone1": PHONE}
    address = {"firstName": FIRST, "lastName": LAST, "addressLine1": STREET, "phone": PHONE}
    for holder in (order, *order["shipments"]):
        holder["shippingAddressInformation"] |= copy.deepcopy(address)
    return order


def make_world(directory: Path, **stores: Any) -> PipelineResource:
    """The person has an order in two versions, one in quarantine, a dead letter, a pick and events."""
    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data_dir=directory,
        witness_dir="none",
        scansource=ScanSourceSettings(enabled=False),
        **stores,
    )
    pipeline = PipelineResource(settings)
    pipeline.prepare_stores()
    (directory / "item_locations.csv").write_text(LOCATIONS, encoding="utf-8")
    load_item_locations(pipeline.lake, directory / "item_locations.csv")
    dead = DeadLetter("bad_json", "payload", STREET, json.dumps(order_of_person(4)).encode(), DAY, "4")
    others = [kibo_order(2, kibo_shipment(20, kibo_item(200, sku="GOOD")))]
    receive(pipeline.lake, [order_of_person(1), *others, order_of_person(3, total="a lot")], dead_letters=[dead])
    pipeline.build_core("kibo", [DAY], "first", anew=True)
    receive(pipeline.lake, [order_of_person(1, total=99)], run_id="again")
    pipeline.build_core("kibo", [DAY], "second", anew=True)
    pipeline.deploy_models()
    emit_picks(pipeline, "planned")
    plant_in_operations(pipeline)
    plant_in_files(pipeline)
    return pipeline


def plant_in_operations(pipeline: PipelineResource) -> None:
    """An event of the person's, and one that nobody could read."""
    now = datetime.now(UTC)
    bodies = [(json.dumps(WEBHOOK).encode(), True, "260105-7777777"), (f'{{"x": "{EMAIL}"'.encode(), False, None)]
    store_events(
        pipeline.operations,
        [ReceivedEvent("skroutz", body, ok, number, None, "127.0.0.1", now) for body, ok, number in bodies],
    )


def plant_in_files(pipeline: PipelineResource) -> None:
    """Dagster's events, the output of a run, and a file of a transaction that was killed."""
    root = pipeline.settings.data_dir.resolve()
    runs, output = root / "dagster_home" / "history", root / "dagster_home" / "storage" / "run"
    runs.mkdir(parents=True)
    output.mkdir(parents=True)
    with closing(sqlite3.connect(runs / "runs.db")) as store, store:
        store.execute("CREATE TABLE event_logs (id INTEGER PRIMARY KEY, event TEXT)")
        event = json.dumps({"error": f"Could not convert '{FIRST} {LAST}' <{EMAIL}> at {STREET}"})
        store.executemany("INSERT INTO event_logs (event) VALUES (?)", [(event,), (json.dumps(event),), ("{}",)])
    (output / "x.err").write_text(f"ValueError: {FIRST} {LAST}, {PHONE}\n", encoding="utf-8")
    raw = next((root / "lake" / "raw" / "kibo_orders").rglob("*.parquet"))
    raw.with_name(KILLED).write_bytes(raw.read_bytes())


def places_with(directory: Path, traces: tuple[str, ...] = TRACES) -> Counter[str]:
    """Which files hold a trace, by where they lie: in their bytes, or in the values of a Parquet file's columns."""
    found = Counter[str]()
    for file in sorted(path for path in directory.rglob("*") if path.is_file()):
        content = file.read_bytes()
        forms = {form.encode() for trace in traces for form in (trace, json.dumps(trace)[1:-1])}
        hits = sum(content.count(form) for form in forms)
        if file.suffix == ".parquet":
            with pq.ParquetFile(file) as parquet:
                hits += sum(repr(parquet.read().to_pylist()).count(trace) for trace in traces)
        if hits:
            relative = file.relative_to(directory)
            found["/".join(relative.parts[:3]) if relative.parts[0] == "lake" else str(relative)] += 1
    return found
