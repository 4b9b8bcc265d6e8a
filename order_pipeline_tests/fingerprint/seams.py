"""Everything that the fingerprints need of the pipeline, in one place: move or rename something, and mend it here.

Belongs here: every import of `order_pipeline`, each behind a function in plain types. Does not belong here: what a
world consists of (`worlds`), and what is hashed (`rows`).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import httpx
from pydantic import SecretStr

from order_pipeline.channels.base import CommitGroup, FetchReport, KnownState, RecordBatch, UnusableRecord, Window
from order_pipeline.channels.kibo import build_extraction
from order_pipeline.channels.payloads import Payloads
from order_pipeline.sandbox.shared.process import SandboxProcess
from order_pipeline.settings import KiboSettings, LakeSettings, RateSettings, Settings
from order_pipeline.warehouse.core.build import build_core
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.warehouse.sql.project import SqlProject

PROJECT = Path(__file__).resolve().parents[2]
RUN_ID = "fingerprint"
LEDGER = Path("sandbox", "scanorders-live.jsonl")
"""Where the fake ScanOrders keeps what it accepted, within a data directory."""

_OWN_VARIABLES = "ORDER_PIPELINE_"


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as a channel hands it over; with `rule`, one that cannot be keyed."""

    source: str
    resource: str
    record_id: str
    day: date | None
    payload: bytes
    rule: str = ""
    field: str = ""
    value: str = ""


@contextmanager
def reading(data_dir: Path) -> Generator[duckdb.DuckDBPyConnection]:
    """The lake of a data directory read-only as `lake`, with the operations store as `ops`. Times are in UTC."""
    connection = Lake(_settings(data_dir)).connect(read_only=True, operations=True)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def changing(data_dir: Path) -> Generator[duckdb.DuckDBPyConnection]:
    """The lake of a data directory, to change it by hand in one transaction."""
    with _lake(_settings(data_dir)) as lake, lake.transaction("change a row by hand") as connection:
        yield connection


def run_demo(data_dir: Path, *, days: int, orders: int, seed: int, threads: int | None) -> None:
    """`order-pipeline demo`: every channel over HTTP, Dagster, core, marts, picks sent to the fake ScanOrders.

    Raises:
        RuntimeError: the command failed; its output is in the message.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_VARIABLES)}
    own = {"ORDER_PIPELINE_DATA_DIR": str(data_dir), "PYTHONPATH": str(PROJECT)}
    if threads is not None:
        own["ORDER_PIPELINE_LAKE__THREADS"] = str(threads)
    command = ["-m", "order_pipeline", "demo", "--days", str(days), "--orders", str(orders), "--seed", str(seed)]
    # In the data directory, where no .env of the developer is found.
    done = subprocess.run(
        [sys.executable, *command], cwd=data_dir, env=inherited | own, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"`order-pipeline demo` ended with {done.returncode}: {(done.stdout + done.stderr)[-4000:]}")


def fetch_and_build_kibo(
    data_dir: Path, *, today: date, days: int, orders_a_day: int, seed: int, threads: int | None
) -> None:
    """Lean Kibo orders from the fake over HTTP into raw and core, and the views over them; no Dagster, no picks."""
    with SandboxProcess(
        seed=seed,
        orders=orders_a_day,
        days=days,
        today=today.isoformat(),
        channels=["kibo"],
        switches={"kibo": {"size": "lean"}},
    ) as sandbox:
        httpx.post(f"{sandbox.url}/control/kibo/warm", timeout=300).raise_for_status()
        settings = _settings(data_dir, threads)
        settings.kibo = KiboSettings(
            base_url=f"{sandbox.url}/kibo/api/v2",
            token_url=f"{sandbox.url}/kibo/oauthserver/oauth2/token",
            api_key=SecretStr("sandbox-kibo-key"),
            api_secret=SecretStr("sandbox-kibo-secret"),
            manufacturer_ids=["30211", "30212", "30307"],
            ship_date_look_back_days=0,
            reread_unsettled=False,
            rate=RateSettings(requests_per_second=None, max_in_flight=8),
        )
        window = Window(today - timedelta(days=days), today)
        with _lake(settings) as lake:
            known = WarehouseState(lake, "kibo")
            asyncio.run(ingest(lake, "kibo", build_extraction(settings.kibo), window, known, RUN_ID))
            build_core(lake, "kibo", [window.start + timedelta(days=number) for number in range(days)], RUN_ID)
            lake.run("deploy the SQL models", SqlProject().deploy)


def ingest_and_build(data_dir: Path, records: Sequence[RawRecord], *, threads: int | None) -> None:
    """The records into raw, as if their channels had just handed them over, then core of every source, and the views.

    Args:
        data_dir: of a new lake.
        records: those of one source and resource follow each other.
        threads: DuckDB's threads; None: the default.
    """
    with _lake(_settings(data_dir, threads)) as lake:
        for source, of_source in groupby(records, key=lambda record: record.source):
            window = Window(date(2000, 1, 1), date(2030, 1, 1))
            extraction = _Extraction(list(_commit_groups(of_source)))
            fetched = asyncio.run(ingest(lake, source, extraction, window, WarehouseState(lake, source), RUN_ID))
            build_core(lake, source, sorted(fetched.dirty_days), RUN_ID)
        lake.run("deploy the SQL models", SqlProject().deploy)


@dataclass(frozen=True, slots=True)
class _Extraction:
    """Hands over what it was given, whatever is asked."""

    groups: Sequence[CommitGroup]

    async def __call__(self, window: Window, known: KnownState) -> AsyncIterator[CommitGroup]:
        for group in self.groups:
            yield group


def _commit_groups(records: Iterator[RawRecord]) -> Iterator[CommitGroup]:
    for resource, of_resource in groupby(records, key=lambda record: record.resource):
        found = list(of_resource)
        usable = [record for record in found if not record.rule]
        batch = RecordBatch(
            resource,
            [record.record_id for record in usable],
            [record.day for record in usable if record.day is not None],
            Payloads([record.payload for record in usable]),
            [UnusableRecord(r.rule, r.field, r.value, r.payload, r.day) for r in found if r.rule],
        )
        start, end = (datetime.combine(date(year, 1, 1), time_of_day(), UTC) for year in (2000, 2030))
        yield CommitGroup([batch], [FetchReport(resource, start, end, 1, len(found), len(found), complete=True)])


@contextmanager
def _lake(settings: Settings) -> Generator[Lake]:
    lake = Lake(settings)
    migrate(lake)
    try:
        yield lake
    finally:
        lake.close()


def _settings(data_dir: Path, threads: int | None = None) -> Settings:
    """Settings that no variable and no .env of the developer's machine reaches."""
    lake = LakeSettings() if threads is None else LakeSettings(threads=threads)
    fields: dict[str, Any] = {name: field.get_default() for name, field in Settings.model_fields.items()}
    return Settings.model_construct(**fields | {"data_dir": data_dir, "lake": lake})
