"""The pipeline resource: the stores that the settings name, and the caller's progress display.

It is a plain object and no `ConfigurableResource`, so that no setting (some are secrets) shows in the UI.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from order_pipeline.channels.base import Window
from order_pipeline.channels.channel import Channel, Reading
from order_pipeline.dictionary.comments import deploy_described
from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline.recovery.stores import note_progress, record_stores, require_stores_agree
from order_pipeline.recovery.upgrading import upgrade_stores
from order_pipeline.reference.item_locations import item_locations_path, items_loaded_elsewhere, load_item_locations
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.build import CoreResult, build_core
from order_pipeline.warehouse.core.settled_days import judge_days
from order_pipeline.warehouse.core.staging_models import UNSETTLED_DAYS
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.ingest_result import IngestResult
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.warehouse.raw.tables import ensure_raw_tables
from order_pipeline.warehouse.sql.deploy import Deployment
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline.warehouse.sql.project_of_settings import project_for

Advance = Callable[[str, int], None]
"""Takes what is being done, in words for people, and how many records of it are done so far."""


def no_progress(_what: str, _done: int) -> None:
    """Show nothing: for runs that nobody watches in a terminal."""


def no_news(_result: IngestResult) -> None:
    """Say nothing of a write."""


@dataclass
class PipelineResource:
    """What the assets share; every store is opened at its first use, and once."""

    settings: Settings
    advance: Advance = no_progress
    _is_prepared: bool = field(default=False, init=False)
    _deployment: Deployment | None = field(default=None, init=False)
    _locations: tuple[Path, int, int] | None = field(default=None, init=False)

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

    def fetch(
        self,
        channel: Channel[Any],
        window: Window,
        run_id: str,
        *,
        only: str | None = None,
        families: Sequence[str] | None = None,
        written: Callable[[IngestResult], None] = no_news,
    ) -> IngestResult:
        """Read the window from the channel into raw, by all its readings or only the one of that name.

        Args:
            channel: what to read.
            window: its days.
            run_id: kept with every row.
            only: the name of a reading.
            families: of a channel that has some: only these are read.
            written: called after every write, with what the reading at hand has brought so far.

        Raises:
            Exception: what a reading raised; what the readings before it brought is committed.
        """
        fetched = IngestResult(channel.name, run_id)
        for reading in self._readings(channel, families):
            if only == reading.name or (only is None and not self._is_left_to_watcher(channel, reading)):
                fetched.add(asyncio.run(self._ingest(channel, reading, window, run_id, written)))
                self.note_progress()  # before the inbox is told that the lake has its events
                reading.committed(run_id)
        return fetched

    def _is_left_to_watcher(self, channel: Channel[Any], reading: Reading) -> bool:
        """Whether it is the inbox, and a process lands its events at once: this run would hold them for minutes."""
        is_inbox = channel.webhook is not None and channel.webhook.reading == reading.name
        return is_inbox and inbox.is_watched(self.operations, channel.name, datetime.now(UTC))

    def _readings(self, channel: Channel[Any], families: Sequence[str] | None) -> Sequence[Reading]:
        settings = self.settings.of_channel(channel.name)
        if families is None or channel.read_families is None or list(families) == list(channel.families):
            return channel.readings(settings, self.operations)
        return [Reading(", ".join(families), channel.read_families(settings, families))]

    async def _ingest(
        self,
        channel: Channel[Any],
        reading: Reading,
        window: Window,
        run_id: str,
        written: Callable[[IngestResult], None],
    ) -> IngestResult:
        def tell(result: IngestResult) -> None:
            self.advance(f"{channel.title}: {reading.name}", result.total.records)
            written(result)

        return await ingest(
            self.lake,
            channel.name,
            reading.extraction,
            window,
            WarehouseState(self.lake, channel.name),
            run_id,
            tell,
        )

    def build_core(
        self, source: str, days: Sequence[date], run_id: str, *, anew: bool = False, most_owed: int | None = None
    ) -> CoreResult:
        """Bring core in line with raw for the days, and for a slice of the other days that core owes (`most_owed`).

        A day whose raw rows, SQL and contracts are those of its last build is left alone, unless asked for `anew`.
        """
        self.prepare_stores()
        where = f" on {self.settings.cluster}" if self.settings.cluster else ""
        result = build_core(
            self.lake,
            source,
            days,
            run_id,
            skip_unchanged=not anew,
            most_owed=most_owed,
            project=self.project,
            progress=lambda done, of: self.advance(f"{source}: {done} of {of} chunks staged{where}", 0),
        )
        self.note_progress()
        return result

    def prepare_stores(self) -> None:
        """Make what every step needs, and upgrade what is older: schemas, raw and core tables, the operations store.

        Raises:
            StoresDisagreeError: a store is missing, foreign or older than its neighbours; nothing was made.
            StoreVersionError: a store cannot be brought up to date by itself; nothing was changed.
        """
        if self._is_prepared:
            return
        found = require_stores_agree(self.settings, self.operations, self.lake)
        upgrade_stores(self.operations, self.lake)
        channels = self.settings.enabled_channels()
        ensure_raw_tables(self.lake, [(channel.name, each) for channel in channels for each in channel.resources])
        record_stores(self.settings, self.operations, self.lake, found)
        self._is_prepared = True

    def require_stores_agree(self) -> None:
        """Let nothing be written or sent where the stores do not belong together.

        Raises:
            StoresDisagreeError: the message says which one does not, and what to do.
        """
        require_stores_agree(self.settings, self.operations, self.lake)

    def note_progress(self) -> None:
        """Note how far the stores have come, after a step committed."""
        note_progress(self.settings, self.operations, self.lake)

    def deploy_models(self) -> Deployment:
        """Deploy seeds and views that changed; asked again, only where something waited for a table it reads."""
        self.prepare_stores()
        if self._deployment is None or self._deployment.waiting:
            self._deployment = self.lake.run(
                "deploy the SQL models", lambda connection: deploy_described(connection, self.project)
            )
            if UNSETTLED_DAYS in self._deployment.created:
                judge_days(self.lake)  # the days were judged by another rule
        return self._deployment

    def load_item_locations_if_changed(self) -> None:
        """Load the file of item locations, unless this process has loaded it as it is now.

        Raises:
            ReferenceDataError: see `load_item_locations`.
        """
        path = item_locations_path(self.settings)
        if items_loaded_elsewhere(self.lake, path):
            return
        state = path.stat() if path.exists() else None
        as_it_is = (path, state.st_mtime_ns, state.st_size) if state else None
        if as_it_is is None or as_it_is != self._locations:
            load_item_locations(self.lake, path)
            self._locations = as_it_is

    def count_rows(self, relation: str) -> int:
        """How many rows a relation of the lake has."""
        with self.lake.connect() as connection:
            row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
        return int(row[0]) if row else 0
