"""One emitter's work on the ScanOrders fake: one step, timed by itself, its figures as JSON in the last line.

`ours` plans, then sends with one durable intent and one durable answer a line (SQLite, synchronous=FULL), events and a
lease. `drt` is its REST destination under `run_sync` with a full sync and its default batch; retries are as by default,
but with the backoff shortened (its default waits a second). `drt_ledger` adds its idempotency ledger, which drt offers
against duplicates after a lost reply and which needs PostgreSQL. `benchmarks.side_by_side` runs them as processes.
"""

# pyright: reportMissingImports=false
# (drt is an extra: `make bench` installs it)
from __future__ import annotations

import argparse
import json
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

LINES_AN_ORDER = 4
IN_FLIGHT = 64


def pick_id(number: int) -> str:
    """The key of a line, by its number."""
    return f"kibo:acme:K{number // LINES_AN_ORDER}:{number % LINES_AN_ORDER}"


def barcode(number: int) -> str:
    """What the fake's ledger knows a line by."""
    return f"52{number:010d}"


def pick_rows(count: int) -> list[dict[str, Any]]:
    """Rows of `marts.pick_lines`, four lines an order."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    empty = ("ordered_on", "ship_by_at", "is_express", "shipment_id", "floor", "further_bins", "ship_to")
    empty += ("marketplace_order_id", "hold_reason", "hold_detail", "hold_scope")
    return [
        {
            "pick_id": pick_id(number),
            "source": "kibo",
            "account": "acme",
            "order_id": f"kibo:acme:K{number // LINES_AN_ORDER}",
            "order_number": f"K{number // LINES_AN_ORDER}",
            "order_day": start.date(),
            "ordered_at": start + timedelta(seconds=number // LINES_AN_ORDER),
            "line_id": str(number % LINES_AN_ORDER),
            "sku": f"SKU-{number}",
            "barcode": barcode(number),
            "bin_location": "A-01",
            "warehouse": "MAIN",
            "product_name": "Brass kettle",
            "quantity": 1,
            "customer_name": "Ada Lovelace",
            **dict.fromkeys(empty),
        }
        for number in range(count)
    ]


def settings_for(url: str, token: str, directory: Path, in_flight: int) -> Any:
    """Settings of an emitter that sends to the fake."""
    from pydantic import SecretStr

    from order_pipeline.destinations.settings import ScanOrdersSettings
    from order_pipeline.http.settings import RateSettings
    from order_pipeline.settings import Settings

    return Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data_dir=directory,
        scanorders=ScanOrdersSettings(
            base_url=f"{url}/scanorders",
            access_token=SecretStr(token),
            send=True,
            rate=RateSettings(max_in_flight=in_flight),
        ),
    )


def ours(arguments: argparse.Namespace, *, in_flight: int = IN_FLIGHT) -> dict[str, object]:
    """Plan and send; what was sent before is not sent again."""
    from order_pipeline.operations.store import OperationsStore
    from order_pipeline.picking.planning.pick_list import PickList
    from order_pipeline.picking.sending.emission import emit

    settings = settings_for(arguments.url, arguments.token, Path(arguments.directory), in_flight)
    picks = PickList(rows=pick_rows(arguments.lines), snapshot_id=1)
    store = OperationsStore(settings.resolved_operations_url)
    started = time.perf_counter()
    report = emit(settings, store, lambda: picks, run_id="benchmark")
    seconds = time.perf_counter() - started
    store.close()
    return {"seconds": seconds, "sent": report.sent}


def drt(arguments: argparse.Namespace, *, with_ledger: bool = False) -> dict[str, object]:
    """Send every row of a table of picks."""
    from drt.config.credentials import SQLiteProfile
    from drt.config.models import SyncConfig
    from drt.destinations.rest_api import RestApiDestination
    from drt.engine.sync import run_sync
    from drt.sources.sqlite import SQLiteSource

    directory = Path(arguments.directory)
    database = directory / "picks.sqlite"
    if not database.exists():
        _store_picks(database, arguments)
    destination = {
        "type": "rest_api",
        "url": f"{arguments.url}/scanorders/api/1.1/wf/neworders",
        "headers": {"Content-Type": "application/json", "Authorization": f"Bearer {arguments.token}"},
        "body_template": "{{ row.body }}",
    }
    options: dict[str, Any] = {
        "mode": "full",
        "on_error": "skip",
        "rate_limit": {"requests_per_second": 0},
        "retry": {"max_attempts": 3, "initial_backoff": 0.001, "max_backoff": 0.001},
    }
    if with_ledger:
        options["idempotency_key"] = "{{ row.pick_id }}"
    sync = SyncConfig.model_validate(
        {"name": "picks", "model": "SELECT pick_id, body FROM picks", "destination": destination, "sync": options}
    )
    ledger = _ledger(arguments.postgres) if with_ledger else None
    profile = SQLiteProfile(type="sqlite", database=str(database))
    started = time.perf_counter()
    result = run_sync(sync, SQLiteSource(), RestApiDestination(), profile, directory, idempotency_ledger=ledger)
    return {"seconds": time.perf_counter() - started, "sent": result.success}


def _store_picks(database: Path, arguments: argparse.Namespace) -> None:
    """The picks where drt's source finds them, in one step: a file that is there is whole."""
    from order_pipeline.picking.outbox.payload import payload_text
    from order_pipeline.picking.planning.pick_lines import build_payload, pick_line_from_row

    settings = settings_for(arguments.url, arguments.token, database.parent, 1).scanorders
    half = database.with_suffix(".half")
    half.unlink(missing_ok=True)
    connection = sqlite3.connect(half)
    connection.execute("CREATE TABLE picks (pick_id TEXT, body TEXT)")
    bodies = (
        (row["pick_id"], payload_text(build_payload(pick_line_from_row(row), settings)))
        for row in pick_rows(arguments.lines)
    )
    connection.executemany("INSERT INTO picks VALUES (?, ?)", bodies)
    connection.commit()
    connection.close()
    half.rename(database)


def _ledger(url: str) -> Any:
    from drt.config.profiles import PostgresProfile
    from drt.state.warehouse import PostgresWarehouseIdempotencyLedger

    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or "localhost"])[0]
    profile = PostgresProfile(
        type="postgres",
        host=host,
        port=parts.port or 5432,
        dbname=parts.path.lstrip("/"),
        user=parts.username or "",
        password=parts.password or "",
    )
    return PostgresWarehouseIdempotencyLedger(profile)


STEPS = {
    "ours": ours,
    "ours_one_call": partial(ours, in_flight=1),
    "drt": drt,
    "drt_ledger": partial(drt, with_ledger=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--url", required=True, help="of the fakes")
    parser.add_argument("--token", required=True, help="of the ScanOrders fake")
    parser.add_argument("--directory", required=True, help="where the emitter keeps what it knows")
    parser.add_argument("--lines", type=int, required=True)
    parser.add_argument("--postgres", default="", help="a database for drt's ledger")
    arguments = parser.parse_args()
    print(json.dumps(STEPS[arguments.step](arguments)))


if __name__ == "__main__":
    main()
