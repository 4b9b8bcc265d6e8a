"""The files of builds that never committed: recognised by name, compared with the catalog, removed.

Every file of a build bears its id: `<build id>-<chunk>-<number>.parquet`. While a build runs it holds a lock of that
name. DuckLake's own `delete_orphaned_files` is never used: it has removed live data (DuckLake #815).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import filelock
from pyarrow import fs

from order_pipeline.warehouse.lake.connection import Lake

ABANDONED_AFTER = timedelta(days=1)
"""A file of this age belongs to no build that still runs, on whatever machine."""

_NAME = re.compile(r"^(?P<build>[0-9a-f]{32})-[^/]*\.parquet$")


@contextmanager
def running_build(lake: Lake, build_id: str) -> Generator[None]:
    """Hold the build's lock for the block; when it fails, remove its files."""
    lock = _locks(lake) / f"{build_id}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(lock):
        try:
            yield
        except BaseException:
            remove_unpublished(lake, {build_id})
            raise
        finally:
            lock.unlink(missing_ok=True)


def running_builds(lake: Lake) -> int:
    """How many builds of this machine are at work."""
    return sum(not _has_ended(file) for file in _locks(lake).glob("*.lock"))


def remove_leftovers(lake: Lake) -> int:
    """Remove the files of builds of this machine that were killed; how many. Costs nothing where there are none."""
    ended = [file for file in _locks(lake).glob("*.lock") if _has_ended(file)]
    removed = remove_unpublished(lake, {file.stem for file in ended}) if ended else 0
    for file in ended:
        file.unlink(missing_ok=True)
    return removed


def remove_abandoned(lake: Lake, *, now: datetime | None = None) -> int:
    """Remove unpublished files of builds that ended long ago, on any machine; how many. It lists all files of core."""
    return remove_unpublished(lake, None, older_than=(now or datetime.now(UTC)) - ABANDONED_AFTER)


def remove_unpublished(lake: Lake, builds: Collection[str] | None, *, older_than: datetime | None = None) -> int:
    """Remove files of these builds (None: of any) that the catalog does not know, current or replaced.

    The builds must have ended before the call: what they committed is then in the catalog that is read here.
    """
    filesystem, root = lake.files.file_system()
    listed = filesystem.get_file_info(fs.FileSelector(f"{root.rstrip('/')}/core", allow_not_found=True, recursive=True))
    candidates = [
        file
        for file in listed
        if (name := _NAME.match(file.base_name))
        and (builds is None or name["build"] in builds)
        and (older_than is None or file.mtime < older_than)
    ]
    if not candidates:
        return 0
    known = _known_names(lake)
    unpublished = [file.path for file in candidates if file.base_name not in known]
    for path in unpublished:
        filesystem.delete_file(path)
    return len(unpublished)


def _known_names(lake: Lake) -> set[str]:
    """Names of all files of any snapshot that still exists, and of those that wait for their clean-up."""
    metadata = "__ducklake_metadata_lake"
    with lake.snapshot() as connection:
        paths = connection.execute(
            f"SELECT path FROM {metadata}.ducklake_data_file"
            f" UNION ALL SELECT path FROM {metadata}.ducklake_files_scheduled_for_deletion"
        ).fetchall()
    return {path.rsplit("/", 1)[-1] for (path,) in paths}


def _locks(lake: Lake) -> Path:
    return lake.settings.data_dir.resolve() / "tmp" / "builds"


def _has_ended(file: Path) -> bool:
    try:
        with filelock.FileLock(file).acquire(timeout=0):
            return True
    except filelock.Timeout:
        return False
