"""The channels as Dagster sees them: names, descriptions, which raw resources, how each is read.

A new channel is one entry here. Does not belong here: what a channel's API is like (`channels`), nor its SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from order_pipeline.channels import kibo, scansource
from order_pipeline.channels.base import Extraction
from order_pipeline.channels.skroutz.inbox_extraction import InboxExtraction
from order_pipeline.channels.skroutz.reread import RereadExtraction
from order_pipeline.operations.store import OperationsStore
from order_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Reading:
    """One way a channel is read. `committed` is told the run id once everything it yielded is in the lake."""

    name: str
    extraction: Extraction
    committed: Callable[[str], object] = lambda _run_id: None


@dataclass(frozen=True, slots=True)
class Channel:
    """One sales channel.

    `resources` are its raw tables without the channel's prefix, each with what it holds. `never_filled` are the core
    tables that stay empty, each with the reason: an empty table must be explained, not suspected.
    """

    name: str
    title: str
    resources: Mapping[str, str]
    readings: Callable[[Settings, OperationsStore], Sequence[Reading]]
    schedule_minute: int
    never_filled: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def pool(self) -> str:
        """The Dagster pool that keeps two runs from spending the channel's rate budget at once."""
        return f"{self.name}_api"


def _read_kibo(settings: Settings, _store: OperationsStore) -> list[Reading]:
    return [Reading("search", kibo.build_extraction(settings.kibo))]


def _read_scansource(settings: Settings, _store: OperationsStore) -> list[Reading]:
    return [Reading("lists and details", scansource.build_extraction(settings.scansource))]


def _read_skroutz(settings: Settings, store: OperationsStore) -> list[Reading]:
    """What waits in the inbox first: it must land even when the API refuses to be read."""
    inbox = InboxExtraction(store, take_all=True)
    return [
        Reading("inbox", inbox, committed=inbox.confirm),
        Reading("orders by code", RereadExtraction(settings.skroutz)),
    ]


KIBO = Channel(
    name="kibo",
    title="Kibo",
    resources={"orders": "Orders of Kibo/Shopatron Order Search v2, with shipments and items; passwords taken out."},
    readings=_read_kibo,
    schedule_minute=5,
    never_filled={
        "serial_numbers": "its orders hold no serial numbers.",
        "invoices": "the Kibo API has no invoices.",
        "invoice_lines": "the Kibo API has no invoices.",
        "availability": "its order search has no stock figures.",
    },
)

SCANSOURCE = Channel(
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
    readings=_read_scansource,
    schedule_minute=20,
)

SKROUTZ = Channel(
    name="skroutz",
    title="Skroutz",
    resources={"orders": "What Skroutz said of each order: webhook events and single orders read again by their code."},
    readings=_read_skroutz,
    schedule_minute=35,
    never_filled={
        "shipment_lines": "it does not say which line is in which parcel.",
        "invoice_lines": "it asks for an invoice, it does not hold one.",
        "availability": "its orders hold no stock figures.",
    },
)

CHANNELS: dict[str, Channel] = {channel.name: channel for channel in (KIBO, SCANSOURCE, SKROUTZ)}


def enabled_channels(settings: Settings) -> list[Channel]:
    """The channels that the settings switch on."""
    return [channel for channel in CHANNELS.values() if getattr(settings, channel.name).enabled]
