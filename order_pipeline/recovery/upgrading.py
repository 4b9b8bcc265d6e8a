"""What an upgrade of the stores would do, and doing it: all of it is known to be possible before anything is changed.

Runs upgrade by themselves (docs/decisions/0032-stores-carry-a-version.md); `order-pipeline upgrade` shows it before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from order_pipeline.operations import versions
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.versions import StoreVersion
from order_pipeline.recovery.backup_files import copy_database
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.catalog import CatalogFormatError
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.init_file import write_init_file
from order_pipeline.warehouse.lake.writers_lock import writers_lock
from order_pipeline.warehouse.lake_version import LAKE_VERSION
from order_pipeline.warehouse.migrations import LakePlan, migrate, plan_upgrade


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """What opening both stores for writing would do. A version is None before the store is made."""

    operations: StoreVersion
    lake: LakePlan

    @property
    def is_current(self) -> bool:
        """Nothing is to be done."""
        return self.operations.is_current and self.lake.is_current

    def in_words(self) -> Iterator[str]:
        """A line a store, and one for each change below it."""
        yield _heading(
            "operations store", self.operations.version, versions.newest_version(), self.operations.is_current
        )
        if self.operations.version is not None:
            yield from (f"  {each.brings}" for each in versions.migrations_after(self.operations.version))
            yield from (f"  make the table {table}" for table in self.operations.missing_tables)
        yield _heading("lake", self.lake.version, LAKE_VERSION, self.lake.is_current)
        yield from (f"  {change.what}" for change in self.lake.changes)
        yield from (f"  not possible by itself: {text}" for text in self.lake.refused)


def plan_stores(operations: OperationsStore, lake: Lake) -> UpgradePlan:
    """What `upgrade_stores` would do; reads only, and makes no store.

    Raises:
        StoreVersionError: a newer program wrote one of them.
    """
    database = operations.engine.url.database
    if operations.is_sqlite and not Path(str(database)).exists():
        found = StoreVersion(version=None, missing_tables=())
    else:
        with operations.reading() as connection:
            found = versions.read_version(connection)
    return UpgradePlan(found, plan_upgrade(lake))


def upgrade_stores(operations: OperationsStore, lake: Lake) -> None:
    """Make both stores what this program needs; the operations store first, which is the smaller one. Then `lake.sql`.

    Killed in between, it is run again; another process that opens them waits for its turn.

    Raises:
        StoreVersionError: a newer program wrote one of them, or a change is not an addition; nothing was changed.
    """
    plan = plan_stores(operations, lake)
    plan.lake.require_possible()
    if not plan.operations.is_current:
        operations.create_all()
    if not plan.lake.is_current:
        migrate(lake)
    write_init_file(lake.settings)


def rewrite_catalog(settings: Settings, found: CatalogFormatError) -> Path | None:
    """Rewrite a catalog of an older DuckLake in today's format, under the writers' lock.

    Returns:
        A copy of it in the older format, beside it; None where the catalog is a server, whose copy is `pg_dump`'s.
    """
    lake = Lake(settings, rewrites_format=True)
    if lake.catalog_file is None:
        with closing(lake), lake.snapshot():
            return None
    copy = lake.catalog_file.with_name(f"catalog-format-{found.found}.sqlite")
    lock = writers_lock(
        lake.catalog_file.with_suffix(".lock"), "rewrite the catalog", settings.lake.lock_timeout_seconds
    )
    with lock:
        if not copy.exists():  # else an earlier attempt was killed, and the copy is of before it
            draft = copy.with_suffix(".new")
            draft.unlink(missing_ok=True)
            copy_database(lake.catalog_file, draft)
            draft.replace(copy)
        with closing(lake), lake.snapshot():
            return copy


def _heading(store: str, found: int | None, wanted: int, is_current: bool) -> str:  # noqa: FBT001
    if found is None:
        return f"{store:<17} does not exist yet, the first run makes version {wanted}"
    told = "from before versions" if found == 0 else f"version {found}"
    if is_current:
        return f"{store:<17} {told}, up to date"
    return f"{store:<17} {told}, becomes version {wanted}" if found != wanted else f"{store:<17} {told}, incomplete"
