"""What asset bodies work with: the stores that the settings name, and the caller's progress display.

A plain object as Dagster resource, so that no setting (some are secrets) shows in the UI's configuration.
Belongs here: opening what several assets share. Does not belong here: what an asset does with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from order_pipeline.channels.base import Window
from order_pipeline.channels.registry import CHANNELS, Channel, Reading, enabled_channels
from order_pipeline.operations.store import OperationsStore
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.build import CoreResult, build_core
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import ensure_raw_table, migrate
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.ingest_result import Counts, IngestResult
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.warehouse.sql.deploy import Deployment, deploy
from order_pipeline.warehouse.sql.project import SqlProject

Advance = Callable[[str, int], None]
"""Told what is being done (for people) and how many records of it are done so far."""


def say_nothing(_what: str, _done: int) -> None:
    """The progress display of runs that nobody watches in a terminal."""


@dataclass
class Road:
    """The settings, what they name, and whom to tell about progress."""

    settings: Settings
    advance: Advance = say_nothing
    _is_prepared: bool = field(default=False, init=False)
    _deployment: Deployment | None = field(default=None, init=False)

    @cached_property
    def lake(self) -> Lake:
        """The lake; opened at its first connection."""
        return Lake(self.settings)

    @cached_property
    def operations(self) -> OperationsStore:
        """The operations store; its tables are made by `prepare_stores`."""
        return OperationsStore(self.settings.resolved_operations_url)

    @cached_property
    def project(self) -> SqlProject:
        """The SQL models; read once."""
        return project_for(self.settings)

    def fetch(self, channel: Channel, window: Window, run_id: str, *, only: str | None = None) -> IngestResult:
        """Read the window from the channel into raw, by all its readings or only the one of that name.

        Raises:
            Exception: what a reading raised; what the readings before it brought is committed.
        """
        fetched = IngestResult(channel.name, run_id)
        for reading in channel.readings(self.settings, self.operations):
            if only in {None, reading.name}:
                add_result(fetched, asyncio.run(self._ingest(channel, reading, window, run_id)))
                reading.committed(run_id)
        return fetched

    async def _ingest(self, channel: Channel, reading: Reading, window: Window, run_id: str) -> IngestResult:
        return await ingest(
            self.lake,
            channel.name,
            reading.extraction,
            window,
            WarehouseState(self.lake, channel.name),
            run_id,
            lambda result: self.advance(f"{channel.title}: {reading.name}", result.total.records),
        )

    def build_core(self, source: str, days: Sequence[date], run_id: str, *, anew: bool = False) -> CoreResult:
        """Bring core in line with raw for the days, and for every other day of the source that it owes.

        Days whose raw rows, SQL and contracts are those of their last build are left alone, unless asked for `anew`.
        """
        self.prepare_stores()
        return build_core(self.lake, source, days, run_id, skip_unchanged=not anew, project=self.project)

    def prepare_stores(self) -> None:
        """Make what every step stands on: schemas, raw and core tables, the operations store's tables."""
        if self._is_prepared:
            return
        migrate(self.lake)
        for channel in enabled_channels(self.settings):
            for resource in channel.resources:
                ensure_raw_table(self.lake, channel.name, resource)
        self.operations.create_all()
        self._is_prepared = True

    def deploy_models(self) -> Deployment:
        """Deploy seeds and views that changed; asked again, only where something waited for a table it reads."""
        self.prepare_stores()
        if self._deployment is None or self._deployment.waiting:
            self._deployment = self.lake.run(
                "deploy the SQL models", lambda connection: deploy(connection, self.project)
            )
        return self._deployment

    def count_rows(self, relation: str) -> int:
        """How many rows a relation of the lake has."""
        with self.lake.connect() as connection:
            row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
        return int(row[0]) if row else 0


def add_result(whole: IngestResult, part: IngestResult) -> None:
    """Add one reading's result to that of the whole fetch."""
    whole.total.add(part.total)
    for resource, counts in part.resources.items():
        whole.resources.setdefault(resource, Counts()).add(counts)
    whole.stale_days |= part.stale_days
    whole.reports += part.reports
    whole.commits += part.commits
    whole.payload_bytes += part.payload_bytes


def project_for(settings: Settings) -> SqlProject:
    """The SQL project with the variables that settings decide: whose orders are picked, what no payload says."""
    picked = {f"pick_{name}": enabled for name, enabled in picked_channels(settings).items()}
    unsaid = {"skroutz_account": settings.skroutz.account, "scansource_timezone": settings.scansource.timezone}
    return SqlProject(variables={**picked, **unsaid})


def picked_channels(settings: Settings) -> dict[str, bool]:
    """Which channels' orders may reach the floor: switched on, and to be picked."""
    picking = settings.picking
    return {name: getattr(settings, name).enabled and getattr(picking, name) for name in CHANNELS}
