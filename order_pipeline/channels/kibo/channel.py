"""Kibo as the rest of the code sees it."""

from __future__ import annotations

from order_pipeline.channels.channel import Channel, Probe, Reading
from order_pipeline.channels.kibo.client import open_transport
from order_pipeline.channels.kibo.extraction import build_extraction
from order_pipeline.channels.kibo.personal import PERSONAL
from order_pipeline.channels.kibo.query import SearchQuery
from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.operations.store import OperationsStore


def _readings(settings: KiboSettings, _store: OperationsStore) -> list[Reading]:
    return [Reading("search", build_extraction(settings))]


async def _search_for_one_order(settings: KiboSettings) -> str:
    query = SearchQuery(manufacturer_ids=settings.manufacturer_ids)
    async with open_transport(settings) as transport:
        await transport.request("GET", "/order/", params=query.parameters() | {"page": "1", "perPage": "1"})
    return "key and secret open the order search"


CHANNEL = Channel(
    name="kibo",
    title="Kibo",
    resources={"orders": "Orders of Kibo/Shopatron Order Search v2, with shipments and items; passwords taken out."},
    readings=_readings,
    probe=Probe(_search_for_one_order, credentials=("API_KEY", "API_SECRET"), address=("BASE_URL", "TOKEN_URL")),
    schedule_minute=5,
    sql_variables=lambda settings: {
        "kibo_pick_whole": settings.pick_whole,
        "kibo_timezone": settings.timezone,
    },
    not_alone={"tracking": "it stands in the shipments, and the API gives no shipment without its order"},
    never_filled={
        "serial_numbers": "its orders hold no serial numbers.",
        "invoices": "the Kibo API has no invoices.",
        "invoice_lines": "the Kibo API has no invoices.",
        "availability": "its order search has no stock figures.",
    },
    personal=PERSONAL,
)
