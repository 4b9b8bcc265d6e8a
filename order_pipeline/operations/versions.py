"""The version of the operations store: what a store has, what this program needs, and how the first becomes the second.

A version is the number of a migration (`operations.migrations.versions`). A new store is made from the declared tables
and gets the newest number. An older one is upgraded by Alembic within one transaction, so a process that is killed
leaves the store as it was, and a second one waits and then finds nothing to do
(docs/decisions/0032-stores-carry-a-version.md).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

from order_pipeline.operations.tables import VERSION_TABLE, metadata

_TABLE = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
_OLDEST_TABLE = "pick_outbox"
_ROOM = Path(__file__).parent / "migrations"
_VERSIONS = _ROOM / "versions"


class StoreVersionError(RuntimeError):
    """A store cannot be used by this program; nothing was changed. The message says why, `next_step` what to do."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.args[0]} | next: {self.next_step}"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: the version that it leads to, and what it brings, in words."""

    version: int
    brings: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreVersion:
    """What was found. `version` is None before the store is made, and 0 for a store of before versions."""

    version: int | None
    missing_tables: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """Nothing is to be done."""
        return self.version == newest_version() and not self.missing_tables


def migrations() -> tuple[Migration, ...]:
    """Every migration of this program, in order, told by the names of their files."""
    return _migrations(_VERSIONS)


@cache
def _migrations(directory: Path) -> tuple[Migration, ...]:
    names = sorted(file.stem for file in directory.glob("v[0-9]*.py"))
    return tuple(Migration(int(name[1:5]), name[6:].replace("_", " ")) for name in names)


def migrations_after(version: int) -> tuple[Migration, ...]:
    """What a store of that version lacks."""
    return tuple(each for each in migrations() if each.version > version)


def newest_version() -> int:
    """The version that this program makes and needs."""
    return migrations()[-1].version


def read_version(connection: Connection) -> StoreVersion:
    """The version of the store; reads only.

    Raises:
        StoreVersionError: a newer program wrote it.
    """
    tables = set(inspect(connection).get_table_names())
    missing = tuple(sorted(metadata.tables.keys() - tables))
    if VERSION_TABLE not in tables:
        return StoreVersion(version=0 if _OLDEST_TABLE in tables else None, missing_tables=missing)
    found = connection.execute(select(_TABLE.c.version_num)).scalar()
    version = int(found) if found else 0
    if version > newest_version():
        raise StoreVersionError(
            f"The operations store has version {version}, and this program knows {newest_version()}: a newer version "
            "of the project wrote it. Nothing was changed.",
            "Run the newer version of the project again; or restore a backup of before the upgrade: "
            "order-pipeline restore DIR --replace",
        )
    return StoreVersion(version=version, missing_tables=missing)


def upgrade(connection: Connection) -> None:
    """Bring the store to the newest version, within the caller's transaction; the caller holds off other writers.

    Raises:
        StoreVersionError: a newer program wrote it, or its columns are not those that the migrations lead to.
    """
    found = read_version(connection)
    is_older = found.version is not None and found.version < newest_version()
    if is_older:
        _run_migrations(connection)
    metadata.create_all(connection)
    if is_older:
        _require_as_declared(connection)
    if found.version is None:
        _TABLE.create(connection)
        connection.execute(insert(_TABLE).values(version_num=f"{newest_version():04}"))


def _run_migrations(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - slow to import, and rarely needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _in_configuration(_ROOM))
    config.set_main_option("version_locations", _in_configuration(_VERSIONS))
    config.set_main_option("path_separator", "newline")
    command.upgrade(config, "head")


def _in_configuration(path: Path) -> str:
    return str(path).replace("%", "%%")


def _require_as_declared(connection: Connection) -> None:
    """Refuse a store that no migration leads to this program's tables: it was changed by hand, or one was forgotten."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415
    from alembic.migration import MigrationContext  # noqa: PLC0415

    def is_ours(_column: object, name: str | None, kind: str, _reflected: object, _declared: object) -> bool:
        return kind == "column" or (kind == "table" and name in metadata.tables)

    options = {"include_object": is_ours, "compare_type": connection.dialect.name != "sqlite"}
    with warnings.catch_warnings():  # indexes are not compared, and both libraries warn that they cannot
        warnings.filterwarnings("ignore", ".*expression-based index")
        found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    differences = [text for each in found for text in _in_words(each)]
    if differences:
        raise StoreVersionError(
            f"The operations store cannot be upgraded by itself: {'; '.join(differences)}. Nothing was changed.",
            "Run the version of the project that wrote it, or add the migration (CONTRIBUTING.md, A new column).",
        )


def _in_words(difference: Any) -> list[str]:
    """One or several differences as Alembic tells them; what concerns no column's name or type is left out."""
    if isinstance(difference, list):
        return [text for each in cast("list[Any]", difference) for text in _in_words(each)]
    match difference:
        case ("add_column", _, table, column):
            return [f"{table}.{column.name} is missing and no migration adds it"]
        case ("remove_column", _, table, column):
            return [f"{table}.{column.name} is not known to this program and holds values"]
        case ("modify_type", _, table, column, _, found, wanted):
            return [f"{table}.{column} is {found} and must be {wanted}"]
        case _:
            return []
