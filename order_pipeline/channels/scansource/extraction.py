"""The plan of docs/apis/scansource.md section 11: orders and invoices, then prices and availability.

A used-up quota is a partial success: what was fetched is handed over, every report says what remains, and the next run
fetches only that. An error that ends the invoices does not end the orders: it is raised when both have handed over
what they have.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime

from order_pipeline.channels.base import CommitGroup, Extraction, RecordBatch, SourceState, Window
from order_pipeline.channels.rereads import utc_now
from order_pipeline.channels.scansource import invoices, orders, snapshots
from order_pipeline.channels.scansource.client import open_client
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


def build_extraction(settings: ScanSourceSettings, *, now: Callable[[], datetime] = utc_now) -> Extraction:
    """The extraction for these settings; nothing is sent before it runs.

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
                order_step = orders.OrderStep(run, customer_number)
                invoice_step = invoices.InvoiceStep(run, customer_number)
                async with aclosing(merge_streams([order_step.groups(), invoice_step.groups()])) as groups:
                    async for group in groups:
                        yield group
                # Last, for a failure or a used-up quota must cost prices before it costs orders.
                snapshot_step = snapshots.SnapshotStep(
                    run, customer_number, order_step.open_items, items_known=order_step.lists_read
                )
                async with aclosing(snapshot_step.groups()) as groups:
                    async for group in groups:
                        yield group

    return extract
