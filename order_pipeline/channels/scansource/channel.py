"""ScanSource as the rest of the code sees it."""

from __future__ import annotations

from order_pipeline.channels.channel import Channel, Probe, ProbeError, Reading
from order_pipeline.channels.scansource.client import open_client
from order_pipeline.channels.scansource.extraction import FAMILIES, build_extraction
from order_pipeline.channels.scansource.personal import PERSONAL
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.operations.store import OperationsStore


def _readings(settings: ScanSourceSettings, _store: OperationsStore) -> list[Reading]:
    return [Reading("lists and details", build_extraction(settings))]


async def _ask_for_customers(settings: ScanSourceSettings) -> str:
    """One call for each customer number (docs/apis/scansource.md section 6)."""
    numbers = settings.customer_numbers
    async with open_client(settings) as client:
        unknown = [number for number in numbers if await client.customer(number) is None]
    if unknown:
        raise ProbeError(
            f"the credentials are good, but no customer has the number {', '.join(unknown)}",
            "Correct ORDER_PIPELINE_SCANSOURCE__CUSTOMER_NUMBERS, or ask ScanSource which ones this key may see.",
        )
    return f"the credentials are good, and the customers exist: {', '.join(numbers)}"


CHANNEL = Channel(
    name="scansource",
    title="ScanSource",
    resources={
        "order_rows": "Rows of the sales order list: dates, status and the last change of each order.",
        "order_details": "Sales orders with lines, deliveries and parcels; fetched only where the list changed.",
        "order_tracking": "Tracking of each order's deliveries.",
        "order_serials": "Serial numbers billed with each order.",
        "invoice_summaries": "Rows of the invoice list.",
        "invoice_details": "Invoices with lines and charges.",
        "prices": "Price answers for the items of open orders and of the configured list, each at its time.",
        "availability": "Stock answers for the same items, each at its time.",
    },
    readings=_readings,
    families=FAMILIES,
    read_families=build_extraction,
    probe=Probe(
        _ask_for_customers,
        credentials=("CLIENT_ID", "CLIENT_SECRET", "SCOPE"),
        address=("PRESET", "BASE_URL", "TOKEN_URL", "PATHS"),
    ),
    schedule_minute=20,
    sql_variables=lambda settings: {
        "scansource_timezone": settings.timezone,
        "scansource_pick_whole": settings.pick_whole,
    },
    personal=PERSONAL,
)
