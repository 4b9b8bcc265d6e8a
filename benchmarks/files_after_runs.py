"""How many files the lake has after many daily runs, each with its nightly upkeep, and how large its catalog is.

    python -m benchmarks.files_after_runs --runs 100

A run reads Kibo's last days as they are on that day (drawn by the fake's generator: orders appear, change and leave),
builds core, and notes what was sent. Then comes the upkeep of the night, for which every earlier snapshot is old enough
to go: with `keep_days` the files of that many nights stay besides.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.large_lake import RUN, SENT_PICKS, DrawnOrders
from order_pipeline.channels.base import Window
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.settled_days import judge_days
from order_pipeline.warehouse.lake.connection import Connection
from order_pipeline.warehouse.lake.upkeep import upkeep
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState

FIRST_DAY = date(2026, 1, 1)
NEW_PICKS = f"""
{SENT_PICKS.replace("INSERT INTO core.pick_status BY NAME", "CREATE OR REPLACE TEMP TABLE sent AS")};
INSERT INTO core.pick_status BY NAME FROM sent WHERE pick_id NOT IN (SELECT pick_id FROM core.pick_status)
"""
TABLES = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'lake' ORDER BY ALL"


def live_through(pipeline: PipelineResource, number: int, orders: int, window_days: int) -> None:
    """One day: the run, and the upkeep of its night."""
    day = FIRST_DAY + timedelta(days=number)
    window = Window(max(FIRST_DAY, day - timedelta(days=window_days - 1)), day + timedelta(days=1))
    extraction = DrawnOrders(orders, datetime.combine(window.end, datetime.min.time(), UTC))
    asyncio.run(ingest(pipeline.lake, "kibo", extraction, window, WarehouseState(pipeline.lake, "kibo"), RUN))
    pipeline.build_core("kibo", window.days, f"{RUN} {number}")
    pipeline.lake.run("sent picks", lambda connection: connection.execute(NEW_PICKS) and 0)
    judge_days(pipeline.lake)
    upkeep(pipeline.lake, now=datetime.now(UTC) + timedelta(days=pipeline.settings.lake.keep_days + 2))


def files_of(connection: Connection, schema: str, table: str) -> tuple[str, int, int]:
    """Name, files and bytes of a table."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(data_file_size_bytes), 0)::BIGINT"
        " FROM ducklake_list_files('lake', ?, schema => ?)",
        [table, schema],
    ).fetchone()
    files, size = row or (0, 0)
    return f"{schema}.{table}", files, size


def report(pipeline: PipelineResource, runs: int, seconds: float) -> str:
    """The files of every table that has more than one, and the sizes."""
    with pipeline.lake.snapshot() as connection:
        tables = [files_of(connection, schema, table) for schema, table in connection.execute(TABLES).fetchall()]
        (snapshots,) = connection.execute("SELECT count(*) FROM lake.snapshots()").fetchone() or (0,)
    on_disk = sum(1 for _ in (pipeline.settings.data_dir / "lake").rglob("*.parquet"))
    catalog = (pipeline.settings.data_dir / "catalog.sqlite").stat().st_size / 1e6
    files = sum(count for _, count, _ in tables)
    head = (
        f"{runs} runs: {files} files that are read, {on_disk} on disk, {snapshots} snapshots, catalog {catalog:.1f} MB"
    )
    lines = [f"{head}; {seconds:.0f} s of processor time", "", "| table | files | KB |", "|---|---:|---:|"]
    lines += [f"| {name} | {count} | {size / 1000:.0f} |" for name, count, size in tables if count > 1]
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--orders", type=int, default=20, help="a day")
    parser.add_argument("--window-days", type=int, default=3, help="that each run reads")
    parser.add_argument("--every", type=int, default=10, help="runs after which the figures are shown")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(data_dir=Path(directory), witness_dir="none")
        pipeline = PipelineResource(settings)
        pipeline.deploy_models()
        started = time.process_time()
        for number in range(given.runs):
            live_through(pipeline, number, given.orders, given.window_days)
            if (number + 1) % given.every == 0 or number + 1 == given.runs:
                spent = time.process_time() - started
                print(f"{report(pipeline, number + 1, spent)}\nload {os.getloadavg()[0]:.0f}\n", flush=True)
        pipeline.lake.close()


if __name__ == "__main__":
    main()
