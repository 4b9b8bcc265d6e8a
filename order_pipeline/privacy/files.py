"""Dagster's store, logs and other files of the data directory: nothing personal should stand there; what does, goes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from order_pipeline.privacy.needles import Needles
from order_pipeline.private_files import write_durably
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.forgetting import vacuum

_DATABASES = {".db", ".sqlite"}
_STORES = ("catalog.", "operations.", "privacy.")
_NO_TEXT = (".db", ".sqlite", ".lock")


def dagster_home(settings: Settings) -> Path:
    """Where Dagster keeps its SQLite files and the output of runs."""
    return Path(os.environ.get("DAGSTER_HOME") or settings.data_dir.resolve() / "dagster_home")


def databases(settings: Settings) -> list[Path]:
    """Dagster's SQLite files, and copies of an older catalog."""
    found = [*dagster_home(settings).rglob("*"), *settings.data_dir.resolve().glob("*.sqlite")]
    return sorted({file for file in found if file.suffix in _DATABASES and not file.name.startswith(_STORES)})


def texts(settings: Settings) -> Iterator[Path]:
    """All other files: output of runs, alerts, notes. Not the lake, whose tables are looked at as tables."""
    root = settings.data_dir.resolve()
    found = {file for directory in (root, dagster_home(settings)) for file in directory.rglob("*")}
    for file in sorted(found):
        is_apart = any(file.is_relative_to(root / name) for name in ("lake", "tmp"))
        is_text = not file.name.startswith(_STORES) and not any(part in file.name for part in _NO_TEXT)
        if is_text and not is_apart and file.is_file() and not file.is_symlink():
            yield file


def erase_database(file: Path, needles: Needles, *, dry: bool = False) -> int:
    """Rewrite every text of a SQLite file that names the person; how many rows have one. Afterwards it is written anew.

    Raises:
        sqlite3.OperationalError: another process keeps it locked.
    """
    changed = 0
    with closing(sqlite3.connect(f"{file.as_uri()}?mode={'ro' if dry else 'rw'}", uri=True, timeout=30)) as connection:
        connection.create_function("names_person", 1, lambda value: _is_in(needles, value), deterministic=True)
        connection.create_function("without_person", 1, lambda value: _without(needles, value), deterministic=True)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        with connection:
            for (table,) in tables.fetchall():
                for _, column, kind, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                    if kind.upper().startswith(("TEXT", "VARCHAR", "CHAR", "BLOB", "CLOB", "JSON", "LONGTEXT")):
                        changed += _erase_column(connection, table, column, dry=dry)
    if changed and not dry:
        vacuum(file)
    return changed


def erase_text(file: Path, needles: Needles, *, dry: bool = False) -> bool:
    """Rewrite a file that names the person; whether it does. Bytes that are no UTF-8 stay as they are."""
    try:
        text = file.read_bytes().decode(errors="surrogateescape")
    except OSError:
        return False
    if not needles.is_in(text):
        return False
    if not dry:
        write_durably(file, needles.erased_from(text).encode(errors="surrogateescape"))
    return True


def _erase_column(connection: sqlite3.Connection, table: str, column: str, *, dry: bool) -> int:
    where = f'WHERE names_person("{column}")'
    if dry:
        return connection.execute(f'SELECT count(*) FROM "{table}" {where}').fetchone()[0]
    return connection.execute(f'UPDATE "{table}" SET "{column}" = without_person("{column}") {where}').rowcount


def _is_in(needles: Needles, value: object) -> bool:
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return isinstance(text, str) and needles.is_in(text)


def _without(needles: Needles, value: bytes | str) -> bytes | str:
    if isinstance(value, bytes):
        return needles.erased_from(value.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    return needles.erased_from(value)
