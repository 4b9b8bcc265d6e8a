"""ScanSource orders with details, tracking, serials and invoices, beside a bare concurrent client with the same calls.

The fake runs in a process of its own and takes 50 ms for every call; no rate limit. `bare` sends the calls that a full
extraction made (recorded beforehand, untimed) with plain httpx, all at once under the same number in flight, and throws
the answers away: no list to wait for, no plan, no retry, no store. `extraction` is the plan alone; `into raw` the plan
and the lake. Then one order in a hundred changes, and `refresh` reads the same window into the same lake.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx

from benchmarks.measuring import Measured, measure, median_of, table

TODAY = date(2026, 1, 15)
DAYS = 5
LATENCY_SECONDS = 0.05
CALLS_FILE = "calls.json"


def settings_for(url: str, data_dir: str, in_flight: int):  # noqa: ANN201 - imported late: imports are not timed
    from order_pipeline.http.settings import RateSettings
    from order_pipeline.sandbox.scansource import fake as scansource
    from order_pipeline.sandbox.scansource import gate as scansource_gate
    from order_pipeline.settings import Settings

    return Settings.model_validate(
        {
            "data_dir": Path(data_dir),
            "scansource": {
                "preset": "sandbox",
                "base_url": f"{url}/scansource",
                "token_url": f"{url}/scansource/login/oauth2/v2.0/token",
                "client_id": scansource_gate.CLIENT_ID,
                "client_secret": scansource_gate.CLIENT_SECRET,
                "subscription_key": scansource_gate.SUBSCRIPTION_KEY,
                "customer_numbers": [scansource.CUSTOMER_NUMBER],
                "rate": RateSettings(requests_per_second=None, max_in_flight=in_flight),
            },
        }
    )


def window():  # noqa: ANN201 - imported late
    from order_pipeline.channels.base import Window

    return Window(TODAY - timedelta(days=DAYS), TODAY)


def record(url: str, directory: str, in_flight: int) -> dict[str, Any]:
    """Run the plan once and write down every call it makes."""
    from order_pipeline.http.transport import Transport

    calls: list[dict[str, Any]] = []
    original = Transport.request

    async def noting(self: Transport, method: str, path: str, **options: Any) -> Any:
        calls.append({"method": method, "path": path, "params": options.get("params"), "json": options.get("json")})
        return await original(self, method, path, **options)

    Transport.request = noting  # pyright: ignore[reportAttributeAccessIssue] - in this process only
    facts = extraction(url, directory, in_flight)
    (Path(directory) / CALLS_FILE).write_text(json.dumps(calls))
    return facts


def bare(url: str, directory: str, in_flight: int) -> dict[str, Any]:
    """The recorded calls by plain httpx: so many workers, one queue, nothing else."""
    from order_pipeline.sandbox.scansource import gate as scansource_gate

    scansource = settings_for(url, directory, in_flight).of_channel("scansource")
    calls = json.loads((Path(directory) / CALLS_FILE).read_text())
    for call in calls:
        call["url"] = call.pop("path")

    async def run() -> float:
        limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
        async with httpx.AsyncClient(base_url=scansource.base_url or "", limits=limits, timeout=30) as client:
            started = time.perf_counter()
            form = {"grant_type": "client_credentials", "scope": scansource_gate.SCOPE}
            form |= {"client_id": scansource_gate.CLIENT_ID, "client_secret": scansource_gate.CLIENT_SECRET}
            token = (await client.post(scansource.token_url or "", data=form)).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            client.headers["Ocp-Apim-Subscription-Key"] = scansource_gate.SUBSCRIPTION_KEY
            queue = iter(calls)

            async def work() -> None:
                for call in queue:
                    (await client.request(**call)).raise_for_status()

            await asyncio.gather(*(work() for _ in range(in_flight)))
            return time.perf_counter() - started

    return {"seconds": asyncio.run(run()), "calls": len(calls)}


def extraction(url: str, directory: str, in_flight: int) -> dict[str, Any]:
    """The plan alone: groups are counted and thrown away."""
    import pandas  # noqa: F401, ICN001 - DuckDB imports it with the first query; imports are not timed

    from order_pipeline.channels.scansource.extraction import build_extraction
    from order_pipeline.warehouse.lake.connection import Lake
    from order_pipeline.warehouse.migrations import migrate
    from order_pipeline.warehouse.raw.source_state import WarehouseState

    settings = settings_for(url, directory, in_flight)
    lake = Lake(settings)
    migrate(lake)

    async def run() -> dict[str, int]:
        counts: dict[str, int] = {}
        async for group in build_extraction(settings.of_channel("scansource"))(
            window(), WarehouseState(lake, "scansource")
        ):
            for batch in group.batches:
                counts[batch.resource] = counts.get(batch.resource, 0) + len(batch)
            for report in group.reports:
                counts["calls"] = counts.get("calls", 0) + report.calls
        return counts

    started = time.perf_counter()
    counts = asyncio.run(run())
    seconds = time.perf_counter() - started
    lake.close()
    return {"seconds": seconds, "calls": counts["calls"], "orders": counts["order_rows"]}


def into_raw(url: str, directory: str, in_flight: int) -> dict[str, Any]:
    """The plan and the lake; again on the same directory it is a refresh."""
    import pandas  # noqa: F401, ICN001 - DuckDB imports it with the first query; imports are not timed

    from order_pipeline.channels.scansource.extraction import build_extraction
    from order_pipeline.warehouse.lake.connection import Lake
    from order_pipeline.warehouse.migrations import migrate
    from order_pipeline.warehouse.raw.ingest import ingest
    from order_pipeline.warehouse.raw.source_state import WarehouseState

    settings = settings_for(url, directory, in_flight)
    lake = Lake(settings)
    migrate(lake)
    started = time.perf_counter()
    known = WarehouseState(lake, "scansource")
    result = asyncio.run(
        ingest(lake, "scansource", build_extraction(settings.of_channel("scansource")), window(), known, "benchmark")
    )
    seconds = time.perf_counter() - started
    lake.close()
    calls = sum(report.calls for report in result.reports)
    changed = result.resources["order_details"].new_versions
    return {"seconds": seconds, "calls": calls, "details": changed, "new": result.total.new_versions}


STEPS = {"record": record, "bare": bare, "extraction": extraction, "into_raw": into_raw}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000, help="orders in all, over five days")
    parser.add_argument("--in-flight", type=int, default=16, help="calls under way at once, for both")
    parser.add_argument("--runs", type=int, default=3, help="runs of each step; the median counts")
    parser.add_argument("--step", nargs=4, metavar=("STEP", "URL", "DIR", "IN_FLIGHT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        name, url, directory, in_flight = arguments.step
        print(json.dumps(STEPS[name](url, directory, int(in_flight))))
        return
    from order_pipeline.sandbox.process import SandboxProcess

    with SandboxProcess(orders=arguments.orders // DAYS, days=DAYS, channels=["scansource"]) as sandbox:
        stall = {"api": "scansource", "kind": "stall", "route": "* /scsc/*", "seconds": LATENCY_SECONDS}
        httpx.post(f"{sandbox.url}/control/faults", json=stall).raise_for_status()
        rows, full_calls = run_all(sandbox.url, arguments)
    print(table(rows, rows[0]))
    refresh = rows[-1]
    print(f"refresh: {refresh.facts['calls']} calls, {refresh.facts['calls'] / full_calls:.2%} of {full_calls}")


def run_all(url: str, arguments: argparse.Namespace) -> tuple[list[Measured], int]:
    """The median run of each step, and the calls of a full read; steps in turn, so that a drift meets all."""
    found: dict[str, list[Measured]] = {}
    with tempfile.TemporaryDirectory() as recording:
        run_step("record", url, recording, arguments)
        for number in range(arguments.runs):
            with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as lake:
                found.setdefault("bare client, same calls", []).append(run_step("bare", url, recording, arguments))
                found.setdefault("extraction alone", []).append(run_step("extraction", url, empty, arguments))
                found.setdefault("into raw", []).append(run_step("into_raw", url, lake, arguments))
                change_one_in_a_hundred(url, arguments.orders, number)
                found.setdefault("refresh, 1 % changed", []).append(run_step("into_raw", url, lake, arguments))
    full_calls = found["into raw"][0].facts["calls"]
    return [median_of(measured) for measured in found.values()], full_calls


def run_step(step: str, url: str, directory: str, arguments: argparse.Namespace) -> Measured:
    command: Sequence[str] = ("-m", "benchmarks.scansource_refresh", "--step", step, url, directory)
    return measure(step, [*command, str(arguments.in_flight)])


def change_one_in_a_hundred(url: str, orders: int, run: int) -> None:
    """A minute passes (LastChanged has no seconds), then every hundredth order changes, other ones in every run."""
    httpx.post(f"{url}/control/advance", json={"minutes": 1}).raise_for_status()
    for index in range(run, orders, 100):
        httpx.post(f"{url}/control/scansource/touch/{41_000_000 + index:010d}").raise_for_status()


if __name__ == "__main__":
    main()
