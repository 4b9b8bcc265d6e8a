"""How fast commit groups go into raw, and how much memory that takes.

    python benchmarks/raw_writer.py [--orders 50000] [--per-page 100] [--days 7]

Every case runs in a process of its own, so that its peak memory is its own. The orders are made while the pipeline
asks for them, page by page, and the time to make them is shown, for it is part of the wall time but not of the
writing. Cases: first load, the same again (nothing may be written), one in a hundred changed.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

from order_pipeline.channels.base import CommitGroup, RecordBatch, SourceState, Window
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState

FIRST_DAY = date(2026, 1, 1)
CASES = ("first", "again", "one in a hundred changed")


def order_template(chance: random.Random) -> bytes:
    """About 4.7 KB of JSON in the shape of an order; `@` stands for its number, `#` for what no other order has."""
    items = [
        {
            "orderItemID": f"@{line}",
            "sku": f"SKU-{chance.randrange(10**6):06}",
            "partNumber": f"P{chance.randrange(10**8):08}",
            "description": " ".join(chance.choices(["boot", "jacket", "παπούτσι", "red", "42", "rain", "kit"], k=9)),
            "quantity": chance.randrange(1, 5),
            "retailPrice": f"{chance.random() * 200:.2f}",
            "customData": [{"name": f"field {n}", "value": f"{chance.random():.12f}"} for n in range(2)],
            "itemState": "NORMAL",
        }
        for line in range(6)
    ]
    address = {name: f"{chance.random():.16f}" for name in ("firstName", "lastName", "addressLine1", "city", "state")}
    shipments = [{"shipmentID": f"@{n}", "shipmentStatus": "READY", "items": items[n::3]} for n in range(2)]
    order = {"orderID": "@", "unique": "#", "orderDate": "2026-01-01T10:00:00Z", "address": address, "items": items}
    return json.dumps(order | {"shipments": shipments}, ensure_ascii=False).encode()


class Pages:
    """An extraction that makes its orders as it is asked for them, and knows how long that took."""

    def __init__(self, orders: int, per_page: int, days: int, *, changed: bool) -> None:
        self.orders, self.per_page, self.days, self.changed = orders, per_page, days, changed
        chance = random.Random(7)
        self.templates = [order_template(chance) for _ in range(503)]
        self.seconds = 0.0

    async def __call__(self, window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        """Yield one page a group."""
        del window, known
        for start in range(0, self.orders, self.per_page):
            began = time.perf_counter()
            group = CommitGroup([self.page(range(start, min(start + self.per_page, self.orders)))])
            self.seconds += time.perf_counter() - began
            yield group
            await asyncio.sleep(0)

    def page(self, numbers: range) -> RecordBatch:
        """The orders with these numbers."""
        batch = RecordBatch("orders")
        for number in numbers:
            state = b"CHANGED" if self.changed and number % 100 == 0 else b"NORMAL"
            unique = random.Random(number).randbytes(400).hex().encode()
            payload = self.templates[number % 503].replace(b"@", b"%d" % (10**8 + number))
            payload = payload.replace(b"#", unique, 1).replace(b"NORMAL", state, 1)
            batch.record_ids.append(str(10**8 + number))
            batch.days.append(FIRST_DAY + timedelta(days=number * self.days // self.orders))
            batch.payloads.append(payload)
        return batch


def run_case(case: str, directory: Path, orders: int, per_page: int, days: int) -> None:
    importlib.import_module("pandas")  # DuckDB imports it once; a process of the pipeline has it for other reasons
    lake = Lake(Settings(data_dir=directory))
    pages = Pages(orders, per_page, days, changed=case == CASES[2])
    window = Window(FIRST_DAY, FIRST_DAY + timedelta(days=days))
    migrate(lake)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    began, processor = time.perf_counter(), time.process_time()
    result = asyncio.run(ingest(lake, "bench", pages, window, WarehouseState(lake, "bench"), case))
    seconds = time.perf_counter() - began
    processor = time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    files = [file.stat().st_size for file in directory.rglob("*.parquet")]
    print(
        f"{case:26} {seconds:6.2f} s wall, {processor:6.2f} s processor (making the orders: {pages.seconds:5.2f} s);"
        f" {result.payload_bytes / 1e6:6.1f} MB of JSON; new {result.total.new_versions}, unchanged"
        f" {result.total.unchanged}; {result.commits} commits; lake {sum(files) / 1e6:.1f} MB in {len(files)} files;"
        f" peak memory {peak} MB ({before} MB before)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=50_000)
    parser.add_argument("--per-page", type=int, default=100)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        run_case(given.case, given.directory, given.orders, given.per_page, given.days)
        return
    with tempfile.TemporaryDirectory() as directory:
        for case in CASES:
            subprocess.run([sys.executable, *sys.argv, "--case", case, "--directory", directory], check=True)


if __name__ == "__main__":
    main()
