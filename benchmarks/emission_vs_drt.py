"""Emission beside drt 1.2 on the same fake, over real HTTP, the fake in another process: speed, and a lost reply.

    python -m benchmarks.emission_vs_drt [--lines 2000] [--in-flight 64] [--rounds 3]

Ours: planning, one durable intent and one durable answer a line (SQLite, synchronous=FULL, on the working folder's
disk), events, lease. drt: its REST destination with `run_sync`, retries as by default but with the backoff shortened
(its default waits a second); it keeps no ledger. Rounds alternate, all are shown. Second part: one reply in ten is
dropped after the effect. Timings share the machine with whatever else runs on it.
"""

# pyright: reportMissingImports=false
# (drt is an extra: `make bench` installs it)
from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
from drt.config.credentials import SQLiteProfile
from drt.config.models import RestApiDestinationConfig, SyncConfig
from drt.destinations.rest_api import RestApiDestination
from drt.engine.sync import run_sync
from drt.sources.sqlite import SQLiteSource
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.outbox.payload import payload_text
from order_pipeline.picking.planning.pick_lines import build_payload, pick_line_from_row
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.sending.emission import emit
from order_pipeline.sandbox.process import SandboxProcess
from order_pipeline.settings import Settings

LINES_AN_ORDER = 4
DROPPED_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: wall seconds, what the tool claims, what the fake has."""

    seconds: float
    claimed_sent: int
    in_doubt: int
    accepted: int
    duplicates: int


def pick_rows(count: int) -> list[dict[str, Any]]:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return [
        {
            "pick_id": f"kibo:acme:K{number // LINES_AN_ORDER}:{number % LINES_AN_ORDER}",
            "source": "kibo",
            "account": "acme",
            "order_id": f"kibo:acme:K{number // LINES_AN_ORDER}",
            "order_number": f"K{number // LINES_AN_ORDER}",
            "order_day": start.date(),
            "ordered_at": start + timedelta(seconds=number // LINES_AN_ORDER),
            "line_id": str(number % LINES_AN_ORDER),
            "ordered_on": None,
            "ship_by_at": None,
            "is_express": None,
            "shipment_id": None,
            "floor": None,
            "sku": f"SKU-{number}",
            "barcode": f"52{number:010d}",
            "bin_location": "A-01",
            "further_bins": None,
            "warehouse": "MAIN",
            "product_name": "Brass kettle",
            "quantity": 1,
            "customer_name": "Ada Lovelace",
            "ship_to": None,
            "marketplace_order_id": None,
            "hold_reason": None,
            "hold_detail": None,
            "hold_scope": None,
        }
        for number in range(count)
    ]


class Fake:
    """The ScanOrders fake in its process, and what it accepted since the last reset."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.base_url = f"{url}/scanorders"
        self.token = str(httpx.post(f"{url}/control/scanorders/token").json()["access_token"])

    def reset(self, *, drop: bool) -> None:
        """Empty ledger; with `drop`, one reply in ten is lost from now on."""
        httpx.post(f"{self.url}/control/reset/scanorders").raise_for_status()
        httpx.delete(f"{self.url}/control/faults").raise_for_status()
        if drop:
            fault = {"api": "scanorders", "kind": "drop_after", "rate": DROPPED_SHARE}
            httpx.post(f"{self.url}/control/faults", json=[fault]).raise_for_status()

    def counts(self) -> tuple[int, int]:
        """Accepted creates, and how many of them repeat a line."""
        ledger = httpx.get(f"{self.url}/control/ledger/scanorders", timeout=60).json()
        barcodes = Counter(fulfilment["values"]["barcode"] for fulfilment in ledger["fulfilments"])
        return sum(barcodes.values()), sum(count - 1 for count in barcodes.values())


def run_ours(fake: Fake, count: int, in_flight: int) -> Measured:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        settings = Settings(
            _env_file=None,  # pyright: ignore[reportCallIssue]
            data_dir=Path(folder),
            scanorders=ScanOrdersSettings(
                base_url=fake.base_url,
                access_token=SecretStr(fake.token),
                send=True,
                rate=RateSettings(max_in_flight=in_flight),
            ),
        )
        store = OperationsStore(settings.resolved_operations_url)
        picks = PickList(rows=pick_rows(count), snapshot_id=1)
        started = time.perf_counter()
        report = emit(settings, store, lambda: picks, run_id="benchmark")
        seconds = time.perf_counter() - started
        again = emit(settings, store, lambda: picks, run_id="again")
        store.close()
    if again.sent:
        raise AssertionError(f"the second run sent {again.sent} lines again")
    return Measured(seconds, report.sent, report.in_doubt, *fake.counts())


def run_drt(fake: Fake, count: int, _in_flight: int) -> Measured:
    settings = ScanOrdersSettings(base_url=fake.base_url)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        database = Path(folder) / "picks.sqlite"
        with sqlite3.connect(database) as connection:
            connection.execute("CREATE TABLE picks (body TEXT)")
            bodies = [(payload_text(build_payload(pick_line_from_row(row), settings)),) for row in pick_rows(count)]
            connection.executemany("INSERT INTO picks VALUES (?)", bodies)
        connection.close()
        destination = {
            "type": "rest_api",
            "url": f"{fake.base_url}/api/1.1/wf/neworders",
            "headers": {"Content-Type": "application/json", "Authorization": f"Bearer {fake.token}"},
            "body_template": "{{ row.body }}",
        }
        sync = SyncConfig.model_validate(
            {
                "name": "picks",
                "model": "SELECT body FROM picks",
                "destination": destination,
                "sync": {
                    "mode": "full",
                    "batch_size": 500,
                    "on_error": "skip",
                    "rate_limit": {"requests_per_second": 0},
                    "retry": {"max_attempts": 3, "initial_backoff": 0.001, "max_backoff": 0.001},
                },
            }
        )
        if not isinstance(sync.destination, RestApiDestinationConfig):
            raise TypeError("drt read another destination than the REST one")
        started = time.perf_counter()
        result = run_sync(
            sync,
            SQLiteSource(),
            RestApiDestination(),
            SQLiteProfile(type="sqlite", database=str(database)),
            Path(folder),
        )
        seconds = time.perf_counter() - started
    return Measured(seconds, result.success, 0, *fake.counts())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    tools: dict[str, Callable[[Fake, int, int], Measured]] = {
        "order_pipeline": run_ours,
        f"drt-core {version('drt-core')}": run_drt,
    }
    speed = Table(
        "tool", "lines/s, all rounds", "best", "sent", "accepted", "duplicates", title=f"{chosen.lines} lines"
    )
    lost = Table(
        "tool", "sent", "in doubt", "accepted", "duplicates", title="one reply in ten dropped after the effect"
    )
    with SandboxProcess(orders=1, days=1, channels=["scanorders"]) as process:
        fake = Fake(process.url)
        rounds: dict[str, list[Measured]] = {name: [] for name in tools}
        for _ in range(chosen.rounds):
            for name, run in tools.items():
                fake.reset(drop=False)
                rounds[name].append(run(fake, chosen.lines, chosen.in_flight))
        for name, measured in rounds.items():
            rates = [chosen.lines / one.seconds for one in measured]
            last = measured[-1]
            shown = " ".join(f"{rate:,.0f}" for rate in rates)
            speed.add_row(
                name, shown, f"{max(rates):,.0f}", str(last.claimed_sent), str(last.accepted), str(last.duplicates)
            )
        for name, run in tools.items():
            fake.reset(drop=True)
            one = run(fake, chosen.lines, chosen.in_flight)
            lost.add_row(name, str(one.claimed_sent), str(one.in_doubt), str(one.accepted), str(one.duplicates))
    console = Console(width=120)
    console.print(speed)
    console.print(lost)
    console.print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores at the end")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
