"""Which installation the lake belongs to (docs/decisions/0030-stores-know-each-other.md).

The lake's own mark is its snapshot number, which grows with every commit. `core.installation` has one row: whose lake
this is, and how far the operations store had come when its lines were last copied into `core.pick_status`.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from order_pipeline.redaction.texts import redact_message
from order_pipeline.warehouse.lake.connection import Connection, Lake, relations, snapshot_id

TABLE = "core.installation"


class LakeFilesMissingError(RuntimeError):
    """The catalog lists files that are not there: it is another lake's, or files were removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeIdentity:
    """The row of `core.installation`; no mark: no pick was copied into the lake yet."""

    installation_id: str
    epoch: int
    operations_mark: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeState:
    """What the lake says about itself: its snapshot, whose it is, how many pick lines it knows."""

    snapshot: int
    identity: LakeIdentity | None
    picks: int


def read_lake_state(lake: Lake) -> LakeState | None:
    """The lake's state; None where its catalog is a file that does not exist, and nothing is made then.

    Raises:
        LakeError: the catalog cannot be opened.
        LakeFilesMissingError: it lists files that do not exist.
    """
    if not lake.is_made():
        return None
    with lake.snapshot() as connection:
        names = relations(connection)
        try:
            identity = _identity(connection) if TABLE in names else None
            picks = _count(connection, "core.pick_status") if "core.pick_status" in names else 0
        except duckdb.IOException as error:
            raise LakeFilesMissingError(f"it lists files that do not exist ({redact_message(str(error))})") from error
        return LakeState(snapshot=snapshot_id(connection), identity=identity, picks=picks)


def name_lake(lake: Lake, installation_id: str, epoch: int) -> None:
    """Say whose lake this is, unless it is said already. The table is made by `warehouse.migrations`."""

    def write(connection: Connection) -> None:
        if _identity(connection) is None:
            connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?, NULL)", [installation_id, epoch])

    lake.run("name the lake", write)


def replace_lake_identity(lake: Lake, identity: LakeIdentity) -> None:
    """Say anew whose lake this is: after a restore."""

    def write(connection: Connection) -> None:
        connection.execute(f"DELETE FROM {TABLE}")
        values = [identity.installation_id, identity.epoch, identity.operations_mark]
        connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?, ?)", values)

    lake.run("name the lake anew", write)


def note_operations_mark(connection: Connection, mark: int) -> None:
    """Remember how far the operations store had come; part of the transaction that copies its lines."""
    connection.execute(
        f"UPDATE {TABLE} SET operations_mark = ? WHERE operations_mark IS NULL OR operations_mark < ?", [mark, mark]
    )


def _identity(connection: Connection) -> LakeIdentity | None:
    row = connection.execute(f"SELECT installation_id, epoch, operations_mark FROM {TABLE}").fetchone()
    return None if row is None else LakeIdentity(installation_id=row[0], epoch=row[1], operations_mark=row[2])


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0
