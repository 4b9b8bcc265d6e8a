"""What a backup directory holds: generations of the two databases, and the lake's files that they share.

```
DIR/20261129T053000Z/   operations.sqlite, catalog.sqlite, reference/, manifest.json (written last)
DIR/files/              the lake's Parquet files, under the paths that the catalogs list; they never change
```
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec

from order_pipeline.private_files import new_draft
from order_pipeline.redaction.errors import described

OPERATIONS, CATALOG, MANIFEST, FILES = "operations.sqlite", "catalog.sqlite", "manifest.json", "files"
UNFINISHED = ".unfinished"
_CHUNK = 1 << 20

# Every file that any snapshot of the catalog needs, below the data path; absolute paths are marked.
_LISTED = """
WITH listed AS (
    SELECT table_id, path, path_is_relative FROM ducklake_data_file
    UNION ALL SELECT table_id, path, path_is_relative FROM ducklake_delete_file
)
SELECT DISTINCT
    CASE WHEN listed.path_is_relative THEN
        (CASE WHEN tables.path_is_relative THEN schemas.path ELSE '' END) || tables.path || listed.path
    ELSE listed.path END
FROM listed
INNER JOIN (SELECT DISTINCT table_id, schema_id, path, path_is_relative FROM ducklake_table) AS tables USING (table_id)
INNER JOIN (SELECT DISTINCT schema_id, path FROM ducklake_schema) AS schemas USING (schema_id)
ORDER BY 1
"""


class BackupError(RuntimeError):
    """A backup could not be made or is not whole; the message says what was found and what to do."""


class StoredFile(msgspec.Struct, frozen=True):
    """Size in bytes, and the SHA-256 of the content."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What one generation consists of, and how far the stores had come. Paths are relative, with slashes.

    The versions are those of the stores (`recovery.upgrading`); 0: from before versions.
    """

    created_at: datetime
    installation_id: str
    epoch: int
    operations_mark: int
    lake_snapshot: int
    databases: dict[str, StoredFile]
    lake_files: dict[str, StoredFile]
    operations_version: int = 0
    lake_version: int = 0
    format: int = 1


def copy_database(source: Path, target: Path) -> StoredFile:
    """Copy a SQLite database as of this moment, also while others write to it, and check the copy.

    The calling process must not have the file open by another SQLite library (https://sqlite.org/howtocorrupt.html).

    Raises:
        BackupError: the copy is damaged.
    """
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=60)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        answer = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if answer != "ok":
        raise BackupError(f"The copy of {source} is damaged ({answer}): the disk, or the store itself, is failing.")
    _sync(target)
    return describe(target)


def listed_files(catalog: Path) -> list[str]:
    """Every lake file that a catalog's copy lists, for any of its snapshots, relative to the data path.

    Raises:
        BackupError: it lists a file outside of the data path.
    """
    with closing(sqlite3.connect(f"{catalog.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        paths = [path for (path,) in connection.execute(_LISTED)]
    outside = [path for path in paths if path.startswith("/") or ".." in Path(path).parts or "://" in path]
    if outside:
        raise BackupError(f"The catalog lists {outside[0]}, which is not below the lake's data path: copy it yourself.")
    return paths


def copy_file(source: Path, target: Path) -> StoredFile:
    """Copy a file durably, under its name only when it is whole, and read the copy back.

    Raises:
        BackupError: the file is not there, or the copy differs.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with new_draft(target) as (draft, stream):
        try:
            with source.open("rb") as original:
                shutil.copyfileobj(original, stream)
        except FileNotFoundError as error:
            raise BackupError(
                f"{source} is listed by the catalog and does not exist. Was it removed by hand? If the housekeeping "
                "ran at this moment, make the backup again."
            ) from error
        stream.flush()
        os.fsync(stream.fileno())
        found, copied = describe(source), describe(draft)
        if found != copied:
            raise BackupError(f"The copy of {source} differs from it: the disk at {target.parent} is failing.")
        draft.replace(target)
    return copied


def describe(path: Path) -> StoredFile:
    """Size and hash of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return StoredFile(path.stat().st_size, digest.hexdigest())


def generations(directory: Path) -> list[Path]:
    """The finished generations, oldest first."""
    return sorted(path.parent for path in directory.glob(f"*/{MANIFEST}") if not path.parent.name.endswith(UNFINISHED))


def choose_generation(directory: Path, name: str | None) -> Path:
    """The generation of that name, or the newest.

    Raises:
        BackupError: there is none.
    """
    there = generations(directory)
    chosen = [path for path in there if name is None or path.name == name]
    if not chosen:
        names = ", ".join(path.name for path in there) or "none"
        raise BackupError(f"{directory} has no finished backup{f' {name}' if name else ''}; it has: {names}.")
    return chosen[-1]


def read_manifest(generation: Path) -> Manifest:
    """The manifest of a generation.

    Raises:
        BackupError: it cannot be read.
    """
    try:
        return msgspec.json.decode((generation / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupError(
            f"{generation / MANIFEST} cannot be read ({described(error)}): take an older generation."
        ) from error


def damage(directory: Path, generation: Path) -> list[str]:
    """Everything of a generation that is missing or is not what its manifest says; none: it is whole."""
    manifest = read_manifest(generation)
    expected = {generation / name: stored for name, stored in manifest.databases.items()}
    expected |= {directory / FILES / name: stored for name, stored in manifest.lake_files.items()}
    found: list[str] = []
    for path, stored in expected.items():
        if not path.exists():
            found.append(f"{path} is missing")
        elif describe(path) != stored:
            found.append(f"{path} is damaged")
    return found


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
