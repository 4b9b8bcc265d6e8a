"""A large lake with raw, made fast: to measure marts on, or to try a change of SQL at a size that hurts.

    python -m benchmarks.large_lake DIR --orders 1000000 --days 365  a million orders, most of them Kibo's
    python -m benchmarks.large_lake DIR --orders 21900 --days 365    a year of three small channels: many small files

DIR is a new data directory. Kibo's orders are drawn by its fake's own generator and go straight into raw. Skroutz's
events are drawn likewise and wait in the inbox. What is left, `--others` orders a day of each channel, is read from the
fakes over HTTP. Core is built by the ordinary build. The last day is yesterday, so statuses are those of a real shop:
what is older than two weeks is settled, the last days are open. Lines that left, and those that could be picked for
more than a day, stand in `core.pick_status` as sent: made by one statement, without an outbox behind it.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.year_backfill import CHANNELS
from order_pipeline.channels import registry
from order_pipeline.channels.base import CommitGroup, FetchReport, RecordBatch, SourceState, Window
from order_pipeline.cli.demo_world import overridden
from order_pipeline.operations.inbox import store_events
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.reference.item_locations import DEMO_FILE
from order_pipeline.sandbox.kibo.orders import Order, draw_day
from order_pipeline.sandbox.kibo.payload import render
from order_pipeline.sandbox.kibo.values import PayloadSwitches
from order_pipeline.sandbox.process import SandboxProcess
from order_pipeline.sandbox.shared.channel import World
from order_pipeline.sandbox.shared.clock import SandboxClock
from order_pipeline.sandbox.shared.faults import FaultBook
from order_pipeline.sandbox.skroutz.life import OrderBook
from order_pipeline.settings import Settings
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.webhooks.receiver import received_event

GENERATED = "kibo"
PUSHED = "skroutz"
SEED = 7
RUN = "large-lake"
ORDERS_A_GROUP = 1500
SENT_PICKS = """
INSERT INTO core.pick_status BY NAME
SELECT
    shipment_lines.line_id || ':' || shipments.shipment_number AS pick_id,
    orders.source, orders.account, orders.order_id, orders.order_number, shipment_lines.line_id, shipments.shipment_id,
    'main' AS floor, 'sent' AS state, '' AS payload_sha256, 1 AS wave, 1 AS attempt, 'shipped' AS upstream_status,
    orders.ordered_at + INTERVAL 1 HOUR AS planned_at,
    orders.ordered_at + INTERVAL 2 HOUR AS sent_at,
    orders.ordered_at + INTERVAL 30 HOUR AS updated_at
FROM core.orders
INNER JOIN core.shipments ON shipments.order_id = orders.order_id
INNER JOIN core.shipment_lines ON shipment_lines.shipment_id = shipments.shipment_id
LEFT JOIN (SELECT DISTINCT shipment_id FROM core.parcels WHERE tracking_number IS NOT NULL) AS tracked
    ON tracked.shipment_id = shipments.shipment_id
WHERE orders.source = 'kibo' AND shipments.shipment_status IN ('shipped', 'unknown') AND tracked.shipment_id IS NOT NULL
UNION ALL BY NAME
SELECT
    pick_id, source, account, order_id, order_number, line_id, shipment_id,
    floor, 'sent' AS state, '' AS payload_sha256, 2 AS wave, 1 AS attempt, 'accepted' AS upstream_status,
    ordered_at + INTERVAL 1 HOUR AS planned_at,
    ordered_at + INTERVAL 2 HOUR AS sent_at,
    ordered_at + INTERVAL 2 HOUR AS updated_at
FROM marts.pick_lines
WHERE hold_reason IS NULL AND order_day < current_date - 2
"""


class DrawnOrders:
    """An extraction that draws Kibo's orders day by day instead of asking for them."""

    def __init__(self, orders_a_day: int, now: datetime) -> None:
        self.orders_a_day, self.now = orders_a_day, now
        self.switches = PayloadSwitches(size="lean")

    async def __call__(self, window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        """Yield each day in groups of some megabytes, the last of them with the day's report."""
        del known
        for day in window.days:
            orders = draw_day(SEED, day, self.orders_a_day, self.switches.size)
            for first in range(0, len(orders), ORDERS_A_GROUP):
                yield CommitGroup([self._batch(day, orders[first : first + ORDERS_A_GROUP])])
                await asyncio.sleep(0)
            moments = Window(day, day + timedelta(days=1)).moments
            yield CommitGroup(reports=[FetchReport("orders", *moments, 1, len(orders), len(orders), complete=True)])

    def _batch(self, day: date, orders: list[Order]) -> RecordBatch:
        batch = RecordBatch("orders")
        for order in orders:
            batch.add(str(order.order_id), day, render(order, self.now, self.switches))
        return batch


def make(directory: Path, orders: int, days: int, channels: list[str], others: int) -> None:
    """Fill the directory, a channel at a time; each step is told on the error output.

    Args:
        directory: must not exist, or be empty.
        orders: in all, over all channels and days.
        days: complete days before today.
        channels: which.
        others: orders a day of each channel that is not drawn.
    """
    if directory.exists() and any(directory.iterdir()):
        raise SystemExit(f"{directory} is not empty: name a new directory.")
    today = datetime.now(UTC).date()
    window = Window(today - timedelta(days=days), today)
    drawn = max(orders // days - others * len({*channels} - {GENERATED}), 0)
    with SandboxProcess(orders=others, days=days, today=today.isoformat(), seed=SEED) as sandbox:
        pipeline = PipelineResource(settings_for(sandbox.url, directory, window, channels))
        pipeline.prepare_stores()
        pipeline.load_item_locations_if_changed()
        for name in channels:
            told(f"{name}: raw", partial(read, pipeline, name, window, drawn if name == GENERATED else others))
            told(f"{name}: core", partial(pipeline.build_core, name, window.days, RUN, most_owed=days))
    told("views", pipeline.deploy_models)
    told("sent picks", lambda: pipeline.lake.run("sent picks", lambda connection: connection.execute(SENT_PICKS) and 0))
    with pipeline.lake.snapshot() as connection:
        counts = connection.execute("SELECT source, count(*) FROM core.orders GROUP BY ALL ORDER BY ALL").fetchall()
    print(", ".join(f"{source}: {number:,} orders" for source, number in counts), file=sys.stderr)
    pipeline.lake.close()


def read(pipeline: PipelineResource, channel: str, window: Window, orders_a_day: int) -> None:
    """Bring the channel's days into raw."""
    if channel == GENERATED:
        extraction = DrawnOrders(orders_a_day, datetime.combine(window.end, datetime.min.time(), UTC))
        state = WarehouseState(pipeline.lake, channel)
        asyncio.run(ingest(pipeline.lake, channel, extraction, window, state, RUN))
        return
    if channel == PUSHED:
        clock = SandboxClock(window.end)
        push_events(pipeline, World(SEED, orders_a_day, len(window.days), clock, FaultBook(SEED)))
    pipeline.fetch(registry.channels()[channel], window, RUN)


def push_events(pipeline: PipelineResource, world: World) -> None:
    """Put what the shop would have pushed over the days into the inbox, each event as received when it happened."""
    webhook = registry.channels()[PUSHED].webhook
    assert webhook
    events = [
        received_event(PUSHED, webhook, event.body, "127.0.0.1", event.happened_at)
        for event in OrderBook(world).take_due()
    ]
    store_events(pipeline.operations, events)


def settings_for(url: str, directory: Path, window: Window, channels: list[str]) -> Settings:
    """The settings that lead to the fakes, every channel picked, and the items of the demo."""
    groups: dict[str, Any] = (
        httpx.post(f"{url}/control/connections", timeout=60, trust_env=False).raise_for_status().json()
    )
    groups["schedule"] = {"first_day": window.start.isoformat()}
    groups["picking"] = {name: name in channels for name in registry.NAMES}
    locations = directory / "reference" / "item_locations.csv"
    locations.parent.mkdir(parents=True)
    shutil.copyfile(DEMO_FILE, locations)
    return overridden(Settings(data_dir=directory, witness_dir="none"), groups)


def told(what: str, step: Callable[[], object]) -> None:
    """Do the step, and tell what it took."""
    wall, processor = time.perf_counter(), time.process_time()
    step()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{what}: {wall:.0f} s, processor {processor:.0f} s", file=sys.stderr, flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", metavar="DIR", type=Path, help="a new data directory")
    parser.add_argument("--orders", type=int, default=1_000_000, help="in all (default: %(default)s)")
    parser.add_argument("--days", type=int, default=365, help="that have orders (default: %(default)s)")
    parser.add_argument("--channels", default="all", help=f"by comma, or `all`: {', '.join(CHANNELS)}")
    parser.add_argument("--others", type=int, default=20, help="orders a day of each channel that is not drawn")
    given = parser.parse_args()
    channels: list[str] = [*CHANNELS] if given.channels == "all" else given.channels.split(",")
    make(given.directory.resolve(), given.orders, given.days, channels, given.others)


if __name__ == "__main__":
    main()
