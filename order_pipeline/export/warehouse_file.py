"""The warehouse as one DuckDB file: tables of what people read, with their comments, all of one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from order_pipeline.contracts import CORE_TABLES
from order_pipeline.privacy.shown_columns import hidden_columns, masked
from order_pipeline.private_files import new_draft
from order_pipeline.warehouse.lake.connection import Connection, Lake, relations, snapshot_id
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.sql.descriptions import Description, descriptions
from order_pipeline.warehouse.sql.project import SqlProject

STORAGE_VERSION = "v1.0.0"
"""Of the file: every DuckDB from 1.0 on reads it, and a later one reads what an earlier one wrote."""
_MARTS = "marts"
_BESIDE = ("core.pick_status", "raw.fetches", "quarantine.rejects", "quarantine.warnings", "reference.item_locations")
"""What is exported besides the core tables and the marts: the states of the picks, whether a window is proved complete,
what broke a rule, where items lie. Payloads, and the operations store, are not."""

Told = Callable[[str, int, int, int], None]
"""Takes a table that is done, its rows, how many tables are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Export:
    """What was written: table -> its rows, and the snapshot of the lake that it is."""

    rows: dict[str, int]
    snapshot: int


def export_warehouse(
    lake: Lake, project: SqlProject, target: Path, *, without_personal_data: bool, told: Told
) -> Export:
    """Write the file under another name and give it its own when it is whole; one that stands there is replaced.

    Args:
        lake: to be read, in one transaction.
        project: whose marts are exported.
        target: the file.
        without_personal_data: personal texts become `***`, other personal values NULL.
        told: called after each table.

    Raises:
        LakeError: there is no lake, or it could not be opened.
        OSError: the file cannot be written there.
        duckdb.Error: a mart does not run, or the disk is full.
    """
    with new_draft(target) as (draft, _), closing(lake.connect(read_only=True)) as connection:
        draft.unlink()  # DuckDB takes no empty file, and nobody can guess the name
        try:
            connection.execute(f"ATTACH {quoted(str(draft))} AS exported (STORAGE_VERSION {quoted(STORAGE_VERSION)})")
            connection.begin()
            exported = _copy(connection, project, without_personal_data=without_personal_data, told=told)
            connection.commit()
            connection.execute("DETACH exported")
        finally:
            connection.close()
            draft.with_name(f"{draft.name}.wal").unlink(missing_ok=True)
        draft.chmod(0o600)
        draft.replace(target)
    return exported


def exported_relations(connection: Connection, project: SqlProject) -> list[str]:
    """The tables and marts of the lake that an export holds, as far as they are there."""
    marts = [model.relation for model in project.models.values() if model.path.parent.name == _MARTS]
    known = relations(connection)
    return [name for name in (*(f"core.{name}" for name in CORE_TABLES), *_BESIDE, *sorted(marts)) if name in known]


def _copy(connection: Connection, project: SqlProject, *, without_personal_data: bool, told: Told) -> Export:
    snapshot, described, rows = snapshot_id(connection), descriptions(), dict[str, int]()
    names = exported_relations(connection, project)
    for schema in sorted({name.partition(".")[0] for name in names}):
        connection.execute(f"CREATE SCHEMA exported.{schema}")
    for done, name in enumerate(names, start=1):
        kinds = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {name}").fetchall()}
        hidden = hidden_columns(connection, name, kinds) if without_personal_data else set[str]()
        columns = ", ".join(masked(each, kind) if each in hidden else f'"{each}"' for each, kind in kinds.items())
        made = connection.execute(f"CREATE TABLE exported.{name} AS SELECT {columns} FROM {name}").fetchone()
        rows[name] = int(made[0]) if made else 0
        for statement in _comments(name, kinds, hidden, described.get(name)):
            connection.execute(statement)
        told(name, rows[name], done, len(names))
    connection.execute(
        "CREATE TABLE exported.main.export AS SELECT"
        " $1::TIMESTAMPTZ AS exported_at, $2::BIGINT AS lake_snapshot, $3::BOOLEAN AS has_personal_data",
        [datetime.now(UTC), snapshot, not without_personal_data],
    )
    return Export(rows, snapshot)


def _comments(name: str, kinds: dict[str, str], hidden: set[str], described: Description | None) -> Iterator[str]:
    if described is None:
        return
    yield f"COMMENT ON TABLE exported.{name} IS {quoted(described.sentence)}"
    for column in kinds:
        sentence = described.columns.get(column, "") + (" Hidden in this export." if column in hidden else "")
        if sentence:
            yield f'COMMENT ON COLUMN exported.{name}."{column}" IS {quoted(sentence.strip())}'
