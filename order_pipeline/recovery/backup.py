"""Makes a backup of an embedded installation, also while a run writes.

The operations store is copied first, then the catalog, then the lake's files. So the copy of the catalog is the newer
one: `core.pick_status` in it may know lines that the copied outbox does not have yet, and a restore brings them in. The
other way round a line could be sent, and be known to neither.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
import msgspec
from sqlalchemy import make_url

from order_pipeline.operations.store import OperationsStore
from order_pipeline.recovery.backup_files import (
    CATALOG,
    FILES,
    MANIFEST,
    OPERATIONS,
    UNFINISHED,
    BackupError,
    Manifest,
    StoredFile,
    copy_database,
    copy_file,
    generations,
    listed_files,
    read_manifest,
)
from order_pipeline.recovery.stores import require_stores_agree
from order_pipeline.recovery.upgrading import UpgradePlan, plan_stores
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake

REFERENCE = "reference"
DEMO_WORLD = "demo_world.json"
ELSEWHERE = (
    "PostgreSQL: pg_dump of the operations database first, then of the catalog's; S3: versioning or a copy of the "
    "bucket after both. To restore: both databases, the newest objects, then order-pipeline stores accept."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    """What one backup did. Bytes are of the files that were copied now."""

    generation: Path
    files: int
    files_copied: int
    bytes_copied: int
    generations_removed: int


def back_up(settings: Settings, directory: Path, *, keep: int = 14, now: datetime | None = None) -> BackupReport:
    """Make one generation in the directory; files that an earlier generation has are not copied again.

    Args:
        settings: that name the stores.
        directory: of the backups, outside of the data directory.
        keep: how many generations stay; older ones go once the new one is whole.
        now: for tests.

    Raises:
        BackupError: the stores are not files, the directory is a bad place, or something could not be copied whole.
        StoresDisagreeError: the stores do not belong together; such a backup would help nobody.
        StoreVersionError: a newer version of the project wrote them.
    """
    operations, catalog, data_path = embedded_stores(settings)
    _require_outside(settings, directory)
    plan = _require_agreement(settings)
    directory.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(directory / "backup.lock", timeout=5):
        created = now or datetime.now(UTC)
        generation = directory / created.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        draft = generation.with_name(generation.name + UNFINISHED)
        draft.mkdir()
        databases = {OPERATIONS: copy_database(operations, draft / OPERATIONS)}
        databases[CATALOG] = copy_database(catalog, draft / CATALOG)
        lake_files, copied = _copy_lake(directory, listed_files(draft / CATALOG), data_path)
        databases |= _copy_small_files(settings, draft)
        manifest = _manifest(draft, created, databases, lake_files, plan)
        (draft / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        draft.rename(generation)
        removed = _remove_old(directory, keep)
    return BackupReport(
        generation=generation,
        files=len(lake_files),
        files_copied=len(copied),
        bytes_copied=sum(lake_files[name].size for name in copied) + sum(each.size for each in databases.values()),
        generations_removed=removed,
    )


def embedded_stores(settings: Settings) -> tuple[Path, Path, Path]:
    """The files of the operations store and of the catalog, and the directory of the lake's files.

    Raises:
        BackupError: one of them is a server or a bucket.
    """
    url = make_url(settings.resolved_operations_url)
    lake = Lake(settings)
    if url.get_backend_name() != "sqlite" or lake.catalog_file is None or "://" in lake.data_path:
        raise BackupError(f"These stores are not all files of this machine. {ELSEWHERE}")
    return Path(str(url.database)), lake.catalog_file, Path(lake.data_path)


def _require_outside(settings: Settings, directory: Path) -> None:
    if directory.resolve().is_relative_to(settings.data_dir.resolve()):
        raise BackupError(f"{directory} lies in the data directory and would be lost with it: choose another place.")


def _require_agreement(settings: Settings) -> UpgradePlan:
    """In a lake that is closed again before its catalog is copied: see `copy_database`."""
    with closing(OperationsStore(settings.resolved_operations_url)) as store, closing(Lake(settings)) as lake:
        found = require_stores_agree(settings, store, lake)
        if found.operations is None or found.lake is None or found.lake.identity is None:
            raise BackupError("There is nothing to back up yet: run the pipeline once.")
        return plan_stores(store, lake)


def _copy_lake(directory: Path, names: list[str], data_path: Path) -> tuple[dict[str, StoredFile], list[str]]:
    """Every listed file, and the names of those that were copied now."""
    known = _known_files(directory)
    files: dict[str, StoredFile] = {}
    copied: list[str] = []
    for name in names:
        target = directory / FILES / name
        stored = known.get(name)
        if stored is None or not target.exists() or target.stat().st_size != stored.size:
            stored = copy_file(data_path / name, target)
            copied.append(name)
        files[name] = stored
    return files, copied


def _known_files(directory: Path) -> dict[str, StoredFile]:
    known: dict[str, StoredFile] = {}
    for generation in generations(directory):
        known |= read_manifest(generation).lake_files
    return known


def _copy_small_files(settings: Settings, draft: Path) -> dict[str, StoredFile]:
    """What people keep in the data directory, and whether it is a demo's. Never the token: a person logs in again."""
    found = [settings.data_dir / DEMO_WORLD, *sorted((settings.data_dir / REFERENCE).glob("*"))]
    stored: dict[str, StoredFile] = {}
    for file in found:
        if file.is_file():
            name = file.relative_to(settings.data_dir).as_posix()
            stored[name] = copy_file(file, draft / name)
    return stored


def _manifest(
    draft: Path,
    created: datetime,
    databases: dict[str, StoredFile],
    lake_files: dict[str, StoredFile],
    plan: UpgradePlan,
) -> Manifest:
    """The marks are read from the copies, not from the stores, which have gone on."""
    identity = "SELECT installation_id, epoch, (SELECT coalesce(max(event_id), 0) FROM pick_events) FROM installation"
    installation_id, epoch, mark = _first_row(draft / OPERATIONS, identity)
    (snapshot,) = _first_row(draft / CATALOG, "SELECT max(snapshot_id) FROM ducklake_snapshot")
    return Manifest(
        created_at=created,
        installation_id=installation_id,
        epoch=epoch,
        operations_mark=mark,
        lake_snapshot=snapshot,
        operations_version=plan.operations.version or 0,
        lake_version=plan.lake.version or 0,
        databases=databases,
        lake_files=lake_files,
    )


def _first_row(database: Path, query: str) -> tuple[Any, ...]:
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchone()


def _remove_old(directory: Path, keep: int) -> int:
    """Remove what is older than the kept generations, drafts of killed backups, and files that none lists any more."""
    there = generations(directory)
    removed = there[: max(0, len(there) - keep)]
    for path in (*removed, *directory.glob(f"*{UNFINISHED}")):
        shutil.rmtree(path)
    needed = _known_files(directory)
    for file in (directory / FILES).rglob("*"):
        if file.is_file() and file.relative_to(directory / FILES).as_posix() not in needed:
            file.unlink()
    return len(removed)
