"""Skroutz as the rest of the code sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from order_pipeline.channels.channel import Channel, Probe, Reading
from order_pipeline.channels.operator_commands import OperatorCommands, RequestedRead
from order_pipeline.channels.skroutz.actions import Actor, accept, give_tracking, reject, set_as_ready, upload_invoice
from order_pipeline.channels.skroutz.client import open_transport, read_order
from order_pipeline.channels.skroutz.code_list import codes_in_file
from order_pipeline.channels.skroutz.inbox_extraction import InboxExtraction
from order_pipeline.channels.skroutz.inbox_read_back import InboxReadBack
from order_pipeline.channels.skroutz.order_document import peek
from order_pipeline.channels.skroutz.personal import PERSONAL
from order_pipeline.channels.skroutz.reread import RereadExtraction
from order_pipeline.channels.skroutz.settings import SkroutzSettings
from order_pipeline.channels.webhook import Webhook
from order_pipeline.operations.store import OperationsStore

INBOX = "inbox"
NO_ORDER = "000000-0000000"
"""The code of an order that cannot exist."""
SENDER_NETWORKS = (
    # https://developer.skroutz.gr/ip_ranges.json as of 2025-12-10
    "185.6.76.0/22",
    "3.73.204.153/32",
    "3.72.204.195/32",
    "3.67.183.221/32",
    "63.34.193.172/32",
    "54.195.53.34/32",
    "108.129.50.199/32",
    "2a03:e40::/32",
)


def _readings(settings: SkroutzSettings, store: OperationsStore) -> list[Reading]:
    """What waits in the inbox first: it must land even when the API refuses to be read."""
    inbox = InboxExtraction(store, take_all=True)
    read_back = InboxReadBack(inbox, settings)
    return [
        Reading(INBOX, read_back, committed=inbox.confirm),
        Reading("orders by code", RereadExtraction(settings, answered=read_back.answered)),
    ]


async def _read_no_order(settings: SkroutzSettings) -> str:
    """Only a good token is told that the order does not exist."""
    async with open_transport(settings) as transport:
        await read_order(transport, NO_ORDER)
    return "the token opens the order API"


def recover(
    settings: SkroutzSettings,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV that the merchant panel exported.")],
    column: Annotated[
        str | None, typer.Option(help="Header of the column with the codes; default: the usual names.")
    ] = None,
) -> RequestedRead:
    """Read every order of a list of codes: to start, or after an outage in which webhooks were lost.

    The orders land in raw; `order-pipeline run --source skroutz` brings their days up to date in core.
    """
    extraction = RereadExtraction(settings, codes=codes_in_file(file, column))
    return RequestedRead(extraction, extraction.result.describe)


CHANNEL = Channel(
    name="skroutz",
    title="Skroutz",
    resources={"orders": "What Skroutz said of each order: webhook events and single orders read again by their code."},
    readings=_readings,
    probe=Probe(_read_no_order, credentials=("TOKEN",), address=("BASE_URL",)),
    schedule_minute=35,
    not_alone={"tracking": "it stands in the order, which is read by its code"},
    never_filled={
        "shipment_lines": "it does not say which line is in which parcel.",
        "invoice_lines": "it asks for an invoice, it does not hold one.",
        "availability": "its orders hold no stock figures.",
    },
    sql_variables=lambda settings: {"skroutz_account": settings.account},
    webhook=Webhook(peek, reading=INBOX, sender="the Skroutz Smart Cart", networks=SENDER_NETWORKS),
    commands=OperatorCommands(
        help="Act on Skroutz orders: dry run first, every action on record.",
        actor=Actor,
        actions={
            "accept": accept,
            "reject": reject,
            "upload-invoice": upload_invoice,
            "tracking": give_tracking,
            "ready": set_as_ready,
        },
        reads={"recover": recover},
    ),
    personal=PERSONAL,
)
