"""The plan of docs/apis/scansource.md section 11: orders and invoices, then prices and availability.

A used-up quota is a partial success: what was fetched is handed over, every report says what remains, and the next run
fetches only that. An error that ends the invoices does not end the orders: it is raised when both have handed over
what they have.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import aclosing
from datetime import datetime

from order_pipeline.channels.base import CommitGroup, Extraction, RecordBatch, SoFar, SourceState, Window
from order_pipeline.channels.rereads import utc_now
from order_pipeline.channels.scansource import invoices, orders, snapshots, tracking
from order_pipeline.channels.scansource.client import ScanSourceClient, open_client
from order_pipeline.channels.scansource.list_step import Run
from order_pipeline.channels.scansource.merged_streams import merge_streams
from order_pipeline.channels.scansource.settings import ScanSourceSettings

RESOURCES = (
    orders.ROWS,
    orders.DETAILS,
    orders.TRACKING,
    orders.SERIALS,
    invoices.SUMMARIES,
    invoices.DETAILS,
    snapshots.PRICES,
    snapshots.AVAILABILITY,
)


FAMILIES = {
    "orders": (orders.ROWS, orders.DETAILS, orders.TRACKING, orders.SERIALS),
    "invoices": (invoices.SUMMARIES, invoices.DETAILS),
    "tracking": (orders.TRACKING,),
    "prices": (snapshots.PRICES,),
    "availability": (snapshots.AVAILABILITY,),
}
"""What can be fetched alone. An order's row, detail, tracking and serials prove each other and come together.

Tracking can be asked for alone too, of orders that are known.
"""


def build_extraction(
    settings: ScanSourceSettings,
    families: Collection[str] = tuple(FAMILIES),
    *,
    now: Callable[[], datetime] = utc_now,
) -> Extraction:
    """The extraction for these settings; nothing is sent before it runs.

    Only the `families` are asked for, and only they are reported. Prices and availability without orders are those of
    the items that raw knows of unsettled orders; they are never complete, for other items may be open by now.

    The extraction raises NotConfigured for a missing credential, ValueError for a customer number the API cannot take,
    and the errors of `order_pipeline.http` and `scansource.errors`, but no QuotaExceeded and no RateLimited: these end
    it early, with reports that are not complete.
    """

    async def extract(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        async with open_client(settings) as client:
            run = Run(client, settings, window, known, now)
            # Every raw table exists from the first run on, so that the staging views do too.
            yield CommitGroup([RecordBatch(resource) for resource in RESOURCES])
            for customer_number in settings.customer_numbers:
                order_step = orders.OrderStep(run, customer_number) if "orders" in families else None
                lists = [] if order_step is None else [order_step.groups()]
                if order_step is None and "tracking" in families:
                    lists.append(tracking.TrackingStep(run, customer_number).groups())
                if "invoices" in families:
                    lists.append(invoices.InvoiceStep(run, customer_number).groups())
                async with aclosing(merge_streams(lists)) as groups:
                    async for group in groups:
                        yield _told(group, client)
                resources = [each for each in (snapshots.PRICES, snapshots.AVAILABILITY) if each in families]
                if not resources:
                    continue
                if order_step is None:
                    items = await asyncio.to_thread(snapshots.known_open_items, run, customer_number)
                else:
                    items = order_step.open_items
                # Last, for a failure or a used-up quota must cost prices before it costs orders.
                snapshot_step = snapshots.SnapshotStep(
                    run,
                    customer_number,
                    items,
                    items_known=order_step is not None and order_step.lists_read,
                    resources=resources,
                )
                async with aclosing(snapshot_step.groups()) as groups:
                    async for group in groups:
                        yield _told(group, client)

    return extract


def _told(group: CommitGroup, client: ScanSourceClient) -> CommitGroup:
    """The group with the number of calls; the lists state no totals, so nobody knows how many are to come."""
    group.so_far = SoFar(client.calls_by_operation.total())
    return group
