"""What the floor would pick of invented orders: records of a channel in a real lake, and rows of the marts over them.

Every item of `STOCKED` lies in a bin and has a barcode, at each channel, so that a hold comes from the orders alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from order_pipeline.reference.item_locations import load_item_locations
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.sql.deploy import deploy
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline_tests.warehouse.kibo_orders import dictionaries
from order_pipeline_tests.warehouse.poisoned_records import Record, as_json, build_from, scansource_order, skroutz_event

STOCKED = ("A", "B", "C")
CHANNELS = ("kibo", "scansource", "skroutz")


def load_locations(lake: Lake, text: str | None = None) -> None:
    """Store these item locations; without a text, those of `STOCKED`."""
    rows = [
        f"{channel},{sku},520000000{place}{ord(sku)},A-0{place},MAIN,Thing {sku}"
        for place, channel in enumerate(CHANNELS)
        for sku in STOCKED
    ]
    header = "source,sku,barcode,bin_location,warehouse,product_name"
    path = lake.settings.data_dir / "item_locations.csv"
    path.write_text(text or "\n".join([header, *rows]) + "\n", encoding="utf-8")
    load_item_locations(lake, path)


def build_picks(
    lake: Lake, channel: str, records: Sequence[Record], variables: Mapping[str, Any] | None = None
) -> None:
    """Build core from the records, with locations and marts; `variables` are those of the SQL project."""
    migrate(lake)
    build_from(lake, channel, records)
    load_locations(lake)
    deploy_marts(lake, variables)


def deploy_marts(lake: Lake, variables: Mapping[str, Any] | None = None) -> None:
    """Deploy the SQL project with these variables."""
    lake.run("deploy", lambda connection: deploy(connection, SqlProject(variables=variables)))


def mart_rows(lake: Lake, mart: str) -> list[dict[str, Any]]:
    """All rows of the mart, read once for many questions to an unchanged lake."""
    catalog = lake.settings.data_dir / "catalog.sqlite"
    files = [file.stat() for file in (catalog, catalog.with_name("catalog.sqlite-wal")) if file.exists()]
    return _rows_of(mart, lake, tuple((file.st_mtime_ns, file.st_size) for file in files))


@lru_cache(maxsize=4)
def _rows_of(mart: str, lake: Lake, _written: tuple[tuple[int, int], ...]) -> list[dict[str, Any]]:
    return dictionaries(lake, f"SELECT * FROM marts.{mart} ORDER BY ALL")


def holds(lake: Lake, number: str) -> set[str | None]:
    """The hold reasons of the order's pick lines; empty: it has none."""
    return {pick["hold_reason"] for pick in picks(lake, number)}


def picks(lake: Lake, number: str) -> list[dict[str, Any]]:
    """The order's pick lines, in the order of their ids."""
    found = [pick for pick in mart_rows(lake, "pick_lines") if pick["order_number"] == number]
    return sorted(found, key=lambda pick: pick["pick_id"])


def exceptions(lake: Lake, number: str) -> list[tuple[str, str, str]]:
    """Kind, reason and detail of the order's exceptions."""
    found = [row for row in mart_rows(lake, "exceptions") if (row["order_id"] or "").split(":")[2:3] == [number]]
    return [(row["kind"], row["reason"], row["detail"]) for row in found]


def skroutz_record(code: str, *lines: Mapping[str, Any], **order: Any) -> Record:
    """An accepted Skroutz order with these lines, as a read of it is stored."""
    content = skroutz_event(code, line_items=[*lines], **order)["order"]
    return Record(code, as_json({"observed_at": "2026-01-15T09:00:00Z", "observed_by": "read", "order": content}))


def skroutz_line(number: int, sku: str = "A", **changes: Any) -> dict[str, Any]:
    """A line of a Skroutz order: one piece."""
    money = {"unit_price": 10, "total_price": 10, "price_includes_vat": True}
    return {"id": f"l{number}", "shop_uid": sku, "product_name": "Thing", "quantity": 1} | money | changes


def scansource_records(number: str, *lines: Mapping[str, Any], shipped: int = 0, **order: Any) -> list[Record]:
    """The answers about one ScanSource order with these lines; `shipped`: pieces of line 10 that a delivery shipped."""
    answers = scansource_order(number)
    for resource in ("order_rows", "order_details"):
        answers[resource] |= {"SalesOrderLines": [*lines]} | order
    delivery = {"DeliveryDocumentNumber": "8001", "ShippedDate": "1/6/2026"}
    item = {"DeliveryDocumentLineNumber": 10, "OrderLineNumber": 10, "ItemNumber": "A", "QuantityShipped": shipped}
    answers["order_details"]["Deliveries"] = [delivery | {"LineItems": [item]}] if shipped else []
    return [Record(f"1000:{number}", as_json(answer), resource) for resource, answer in answers.items()]


def scansource_line(number: float, sku: str = "A", **changes: Any) -> dict[str, Any]:
    """A line of a ScanSource order: two pieces, all committed."""
    quantities = {"Ordered": 2, "Committed": 2, "BackOrdered": 0, "Shipped": 0, "Canceled": 0}
    return {"LineNumber": number, "ItemNumber": sku, "Price": 10, "Currency": "USD"} | quantities | changes
