"""Kibo orders from the fake into raw and core, beside a bare download of the same bytes and beside a tuned dlt.

The fake runs in a process of its own on the same machine and answers the same requests to all three. `download` asks
for the same pages with the pipeline's own client and throws the bytes away; `road` is ingest plus core build, into a
new lake; `again` repeats it on the same lake; `dlt` is the hand-tuned peer, where installed: with three tables
(`peers/dlt_tuned.py`), and with the same outputs as ours (`peers/dlt_same_outputs.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import httpx

from benchmarks.measuring import Measured, measure, median_of, table

TODAY = date(2026, 1, 15)
DAYS = 5


def settings_for(url: str, data_dir: str):  # noqa: ANN201 - imported late: the steps time their work without imports
    from pydantic import SecretStr

    from order_pipeline.channels.kibo.settings import KiboSettings
    from order_pipeline.http.settings import RateSettings
    from order_pipeline.settings import Settings

    return Settings(
        data_dir=Path(data_dir),
        kibo=KiboSettings(
            base_url=f"{url}/kibo/api/v2",
            token_url=f"{url}/kibo/oauthserver/oauth2/token",
            api_key=SecretStr("sandbox-kibo-key"),
            api_secret=SecretStr("sandbox-kibo-secret"),
            manufacturer_ids=["30211", "30212", "30307"],
            ship_date_look_back_days=0,
            reread_unsettled=False,
            rate=RateSettings(requests_per_second=None, max_in_flight=8),
        ),
    )


def download(url: str, data_dir: str) -> dict[str, object]:
    """Every page of every day and manufacturer, counted and thrown away, under the pipeline's own concurrency."""
    from order_pipeline.channels.kibo.client import open_transport
    from order_pipeline.channels.kibo.query import SearchQuery

    settings = settings_for(url, data_dir).of_channel("kibo")

    async def run() -> tuple[int, int]:
        from datetime import UTC, datetime
        from datetime import time as midnight

        async with open_transport(settings) as transport:

            async def page(query: SearchQuery, number: int) -> bytes:
                parameters = query.parameters() | {"page": str(number), "perPage": "100"}
                return (await transport.request("GET", "order/", params=parameters)).content

            async def search(query: SearchQuery) -> tuple[int, int]:
                first = await page(query, 1)
                total = json.loads(first[first.rindex(b'"totalCount"') - 1 :].replace(b",", b"{", 1))["totalCount"]
                rest = await asyncio.gather(*(count(query, number) for number in range(2, -(-total // 100) + 1)))
                return len(rest) + 1, len(first) + sum(rest)

            async def count(query: SearchQuery, number: int) -> int:
                return len(await page(query, number))

            pages = size = 0
            for account in settings.manufacturer_ids:
                for number in range(DAYS):
                    start = datetime.combine(TODAY - timedelta(days=DAYS - number), midnight(), UTC)
                    found = await search(
                        SearchQuery(manufacturer_ids=(account,), order_dates=(start, start + timedelta(days=1)))
                    )
                    pages, size = pages + found[0], size + found[1]
            return pages, size

    started = time.perf_counter()
    pages, size = asyncio.run(run())
    return {"seconds": time.perf_counter() - started, "pages": pages, "MB": round(size / 1e6)}


def road(url: str, data_dir: str) -> dict[str, object]:
    """Ingest into raw, then build core; the second call on the same directory measures an unchanged re-run."""
    from order_pipeline.channels.base import Window
    from order_pipeline.channels.kibo.extraction import build_extraction
    from order_pipeline.warehouse.core.build import build_core
    from order_pipeline.warehouse.lake.connection import Lake
    from order_pipeline.warehouse.migrations import migrate
    from order_pipeline.warehouse.raw.ingest import ingest
    from order_pipeline.warehouse.raw.source_state import WarehouseState

    settings = settings_for(url, data_dir)
    lake = Lake(settings)
    window = Window(TODAY - timedelta(days=DAYS), TODAY)
    started = time.perf_counter()
    migrate(lake)
    extraction = build_extraction(settings.of_channel("kibo"))
    fetched = asyncio.run(ingest(lake, "kibo", extraction, window, WarehouseState(lake, "kibo"), "benchmark"))
    raw_seconds = time.perf_counter() - started
    days = [window.start + timedelta(days=number) for number in range(DAYS)]
    build_core(lake, "kibo", days, "benchmark", skip_unchanged=True)
    seconds = time.perf_counter() - started
    counts = lake.query(
        "select (select count(*) from core.orders) as orders, (select count(*) from core.order_lines) as lines"
    ).rows[0]
    return {
        "seconds": seconds,
        "raw_s": round(raw_seconds, 2),
        "new": fetched.total.new_versions,
        "orders": counts[0],
        "lines": counts[1],
        "orders/s": round(counts[0] / seconds),
    }


def dlt(url: str, data_dir: str) -> dict[str, object]:
    """The tuned peer: the same pages kept raw, orders and lines upserted into DuckDB."""
    from benchmarks.peers.dlt_tuned import load

    return load(url, data_dir, DAYS, TODAY)


def dlt_same(url: str, data_dir: str) -> dict[str, object]:
    """The tuned peer with our outputs: raw versions by content, and the same core tables by the same SQL and checks."""
    from benchmarks.peers.dlt_same_outputs import load

    return load(url, data_dir, DAYS, TODAY)


STEPS = {"download": download, "road": road, "dlt": dlt, "dlt_same": dlt_same}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=50_000, help="orders in all, over five days")
    parser.add_argument("--runs", type=int, default=3, help="runs of each step; the median counts")
    parser.add_argument("--step", nargs=3, metavar=("STEP", "URL", "DIR"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        name, url, directory = arguments.step
        print(json.dumps(STEPS[name](url, directory)))
        return
    from order_pipeline.sandbox.process import SandboxProcess

    switches = {"kibo": {"size": "lean"}}
    with SandboxProcess(orders=arguments.orders // DAYS, days=DAYS, channels=["kibo"], switches=switches) as sandbox:
        httpx.post(f"{sandbox.url}/control/kibo/warm", timeout=120).raise_for_status()
        rows = run_all(sandbox.url, arguments.runs)
    print(table(rows, rows[0]))


def run_all(url: str, runs: int) -> list[Measured]:
    """The median run of each step, the download first; steps in turn, so that a drift of the machine meets all."""
    has_dlt = importlib.util.find_spec("dlt") is not None
    if not has_dlt:
        print("dlt is not installed here: the peer is left out (`make bench` installs it).", file=sys.stderr)
    found: dict[str, list[Measured]] = {}
    for _ in range(runs):
        with (
            tempfile.TemporaryDirectory() as lake,
            tempfile.TemporaryDirectory() as peer,
            tempfile.TemporaryDirectory() as same,
        ):
            for name, step, directory in [
                ("download only", "download", lake),
                ("our road: raw + core", "road", lake),
                ("our road again, nothing new", "road", lake),
                *(
                    [("dlt, tuned, three tables", "dlt", peer), ("dlt, tuned, our outputs", "dlt_same", same)]
                    if has_dlt
                    else []
                ),
            ]:
                command = ["-m", "benchmarks.kibo_road", "--step", step, url, directory]
                found.setdefault(name, []).append(measure(name, command))
    return [median_of(measured) for measured in found.values()]


if __name__ == "__main__":
    main()
