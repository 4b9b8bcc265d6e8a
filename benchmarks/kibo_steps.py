"""One tool's work on some days of the Kibo fake: one step, timed by itself, its figures as JSON in the last line.

`download` asks for the pages with the pipeline's own client and throws the bytes away; `road` is ingest plus core
build as plain functions; `dagster` is the same work as `order-pipeline run` does it; the others are the peers of
`benchmarks/peers`. `benchmarks.side_by_side` and `benchmarks.memory_by_volume` run
them as processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import time
from datetime import date, timedelta
from pathlib import Path

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


def download(url: str, data_dir: str, days: int) -> dict[str, object]:
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
                for number in range(days):
                    start = datetime.combine(TODAY - timedelta(days=days - number), midnight(), UTC)
                    found = await search(
                        SearchQuery(manufacturer_ids=(account,), order_dates=(start, start + timedelta(days=1)))
                    )
                    pages, size = pages + found[0], size + found[1]
            return pages, size

    started = time.perf_counter()
    pages, size = asyncio.run(run())
    return {"seconds": time.perf_counter() - started, "pages": pages, "MB": round(size / 1e6)}


def road(url: str, data_dir: str, days: int) -> dict[str, object]:
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
    window = Window(TODAY - timedelta(days=days), TODAY)
    started = time.perf_counter()
    migrate(lake)
    extraction = build_extraction(settings.of_channel("kibo"))
    fetched = asyncio.run(ingest(lake, "kibo", extraction, window, WarehouseState(lake, "kibo"), "benchmark"))
    raw_seconds = time.perf_counter() - started
    wanted = [window.start + timedelta(days=number) for number in range(days)]
    build_core(lake, "kibo", wanted, "benchmark", skip_unchanged=True)
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


def dagster(url: str, data_dir: str, days: int) -> dict[str, object]:
    """Our road as `order-pipeline run` does it: Dagster's instance, definitions, partitions, events and checks."""
    from order_pipeline.channels.base import Window
    from order_pipeline.cli.materialise import materialise
    from order_pipeline.definitions import build_definitions  # noqa: F401 - its imports are not what is measured
    from order_pipeline.orchestration.launch import run_job  # noqa: F401 - the same
    from order_pipeline.reference.item_locations import DEMO_FILE

    settings = settings_for(url, data_dir)
    window = Window(TODAY - timedelta(days=days), TODAY)
    schedule = settings.schedule.model_copy(update={"first_day": window.start.isoformat()})
    settings = settings.model_copy(update={"schedule": schedule, "witness_dir": "none"})
    locations = Path(data_dir) / "reference" / "item_locations.csv"
    locations.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(DEMO_FILE, locations)
    started = time.perf_counter()
    outcomes = materialise(settings, ["kibo"], window, emit=False, command="benchmark")
    seconds = time.perf_counter() - started
    failed = [failure.message for outcome in outcomes for failure in outcome.failures]
    if failed:
        raise RuntimeError(f"The job failed: {failed[0]}")
    return {"seconds": seconds, "runs": len(outcomes)}


def dlt(url: str, data_dir: str, days: int) -> dict[str, object]:
    """The tuned peer: the same pages kept raw, orders and lines upserted into DuckDB."""
    from benchmarks.peers.dlt_tuned import load

    return load(url, data_dir, days, TODAY)


def dlt_same(url: str, data_dir: str, days: int) -> dict[str, object]:
    """The tuned peer with our outputs: raw versions by content, and the same core tables by the same SQL and checks."""
    from benchmarks.peers.dlt_same_outputs import load

    return load(url, data_dir, days, TODAY)


def dlt_documented(url: str, data_dir: str, days: int) -> dict[str, object]:
    """Dlt as most use it: its REST source at its defaults."""
    from benchmarks.peers.dlt_as_documented import load

    return load(url, data_dir, days, TODAY)


def plain(url: str, data_dir: str, days: int) -> dict[str, object]:
    """Httpx and DuckDB, as one writes it in an hour."""
    from benchmarks.peers.plain_duckdb import load

    return load(url, data_dir, days, TODAY)


STEPS = {
    "download": download,
    "road": road,
    "dagster": dagster,
    "plain": plain,
    "dlt_documented": dlt_documented,
    "dlt": dlt,
    "dlt_same": dlt_same,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", nargs=3, required=True, metavar=("STEP", "URL", "DIRECTORY"), help=", ".join(STEPS))
    parser.add_argument("--days", type=int, default=DAYS, help=f"the last days before {TODAY}")
    arguments = parser.parse_args()
    name, url, directory = arguments.step
    print(json.dumps(STEPS[name](url, directory, arguments.days)))


if __name__ == "__main__":
    main()
