"""Restores a backup into a data directory, and begins a new epoch.

Everything is checked before anything is touched. What stands in the way is moved aside and never removed. While files
are copied the note says so, and nothing runs; a restore that was killed is run again.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from order_pipeline.operations.installation_note import Note, this_installation_machine
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.versions import newest_version
from order_pipeline.recovery.backup import DEMO_WORLD, REFERENCE, embedded_stores
from order_pipeline.recovery.backup_files import (
    CATALOG,
    FILES,
    OPERATIONS,
    BackupError,
    Manifest,
    choose_generation,
    copy_file,
    damage,
    read_manifest,
)
from order_pipeline.recovery.settling import Settled, settle
from order_pipeline.recovery.stores import notes_of
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.writers_lock import writers_lock
from order_pipeline.warehouse.lake_version import LAKE_VERSION

Part = Literal["all", "catalog", "operations"]
_LOCK_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was done: from which generation, where the former files are (None: there were none), and the new epoch."""

    generation: Path
    moved_aside: Path | None
    settled: Settled


def restore(
    settings: Settings,
    directory: Path,
    *,
    generation: str | None = None,
    part: Part = "all",
    replace: bool = False,
) -> Restored:
    """Put a generation into the data directory.

    Args:
        settings: that name the stores; all of them files.
        directory: of the backups.
        generation: its name; None: the newest.
        part: `catalog` keeps the operations store that is there, `operations` keeps the lake that is there.
        replace: what is there already is moved aside; without it, only an empty place is filled.

    Raises:
        BackupError: the backup is not whole, or something is in the way; nothing was touched.
        LakeBusyError: a run writes to the lake.
    """
    chosen = choose_generation(directory, generation)
    found = damage(directory, chosen)
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise BackupError(f"This backup is not whole: {found[0]}{more}. Nothing was touched; take an older one: --at.")
    manifest = read_manifest(chosen)
    _refuse_newer(manifest)
    _refuse_to_mix(settings, manifest)
    obstacles = [path for path in _in_the_way(settings, part) if path.exists()]
    if obstacles and not replace and part == "all":
        raise BackupError(f"{obstacles[0]} is there already. Nothing was touched; --replace moves it aside.")
    _note_beginning(settings, chosen, manifest)
    moved_aside = _move_aside(settings, obstacles)
    _copy(settings, directory, chosen, manifest, part)
    with closing(OperationsStore(settings.resolved_operations_url)) as store, closing(Lake(settings)) as lake:
        return Restored(
            generation=chosen, moved_aside=moved_aside, settled=settle(settings, store, lake, schedules_off=True)
        )


def _refuse_newer(manifest: Manifest) -> None:
    """What a newer program wrote cannot be used by this one; what an older one wrote is upgraded."""
    for store, found, known in (
        ("operations store", manifest.operations_version, newest_version()),
        ("lake", manifest.lake_version, LAKE_VERSION),
    ):
        if found > known:
            raise BackupError(
                f"The {store} of this backup has version {found}, and this program knows {known}. Nothing was touched; "
                "restore it with the newer version of the project, or take an older one: --at."
            )


def _refuse_to_mix(settings: Settings, manifest: Manifest) -> None:
    """A demo's fake orders and real ones never share a directory (`destinations.demo_guard`)."""
    is_demo, has_demo = settings.demo_world_file.exists(), DEMO_WORLD in manifest.databases
    is_used = any(path.exists() for path in _in_the_way(settings, "all"))
    if is_used and has_demo and not is_demo:
        raise BackupError(f"{settings.data_dir} holds real orders, and the backup a demo: choose another directory.")
    if is_demo and not has_demo:
        raise BackupError(f"{settings.data_dir} holds a demo, and the backup does not: choose another data directory.")


def _in_the_way(settings: Settings, part: Part) -> list[Path]:
    """The files and directories that a restore of the part replaces."""
    operations, catalog, data_path = embedded_stores(settings)
    databases = {"catalog": [catalog], "operations": [operations], "all": [operations, catalog]}[part]
    beside = [path.with_name(path.name + ending) for path in databases for ending in ("", "-wal", "-shm")]
    return [*beside, data_path] if part == "all" else beside


def _note_beginning(settings: Settings, generation: Path, manifest: Manifest) -> None:
    """Nothing runs from here on. What was noted of the stores stays noted: it tells whether anything was sent since."""
    notes = notes_of(settings)
    former = notes.read()
    witness = notes.witness(manifest.installation_id)
    epochs = [manifest.epoch, *(each.epoch for each in (former, witness) if each is not None)]
    same = former is not None and former.epoch == max(epochs) and former.installation_id == manifest.installation_id
    beginning = Note(
        installation_id=manifest.installation_id,
        epoch=max(epochs),
        operations_mark=former.operations_mark if former and same else None,
        machine=this_installation_machine(),
        restoring=str(generation.parent),
    )
    notes.write_note(beginning)


def _move_aside(settings: Settings, obstacles: list[Path]) -> Path | None:
    if not obstacles:
        return None
    _, catalog, _ = embedded_stores(settings)
    aside = settings.data_dir.resolve() / f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    aside.mkdir(parents=True)
    with writers_lock(catalog.with_suffix(".lock"), "restore", _LOCK_SECONDS):
        for path in obstacles:
            path.rename(aside / path.name)
    return aside


def _copy(settings: Settings, directory: Path, generation: Path, manifest: Manifest, part: Part) -> None:
    operations, catalog, data_path = embedded_stores(settings)
    if part in {"all", "catalog"}:
        for name, stored in manifest.lake_files.items():
            target = data_path / name
            if not target.exists() or target.stat().st_size != stored.size:
                copy_file(directory / FILES / name, target)
        copy_file(generation / CATALOG, catalog)
    if part in {"all", "operations"}:
        copy_file(generation / OPERATIONS, operations)
        with closing(sqlite3.connect(operations)) as store, store:  # of processes that ended with the old stores
            store.execute("DELETE FROM leases")
            store.execute("DELETE FROM lease_processes")
    if part == "all":
        for name in manifest.databases:
            if name == DEMO_WORLD or name.startswith(f"{REFERENCE}/"):
                target = settings.data_dir / name
                if not target.exists():
                    copy_file(generation / name, target)
