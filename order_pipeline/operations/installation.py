"""Which installation the operations store belongs to, and how far it has come.

See docs/decisions/0030-stores-know-each-other.md.

The store's own mark is the number of its last pick event. It grows with every transition of a pick line, in the same
transaction, so no writer can forget it. The one row of `installation` says whose store this is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, Table, Text, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import UtcTime, metadata, pick_events

installation = Table(
    "installation",
    metadata,
    Column("key", Integer, primary_key=True, comment="1: there is one row"),
    Column("installation_id", Text, nullable=False, comment="name of the installation; its other stores bear the same"),
    Column("epoch", BigInteger, nullable=False, comment="grows with every restore; marks compare within one epoch"),
    Column("lake_snapshot", BigInteger, comment="newest lake snapshot that this store has seen committed"),
    Column("restored_at", UtcTime, comment="the last restore: channels must be read once since before picks go out"),
    Column("has_gap", Boolean, nullable=False, comment="what was ordered before it may be on the floor unknown to us"),
    Column("restored_mark", BigInteger, comment="the store's mark at that restore; later events are of this epoch"),
    comment="Whose store this is and how far its neighbours had come, one row.",
)
_KEY = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsIdentity:
    """The row of `installation`."""

    installation_id: str
    epoch: int
    lake_snapshot: int | None = None
    restored_at: datetime | None = None
    has_gap: bool = False
    restored_mark: int | None = None


def read_identity(connection: Connection) -> OperationsIdentity | None:
    """Whose store this is; None: nobody has said so yet."""
    columns = [installation.c[name] for name in OperationsIdentity.__dataclass_fields__]
    row = connection.execute(select(*columns).where(installation.c.key == _KEY)).mappings().first()
    return None if row is None else OperationsIdentity(**row)


def operations_mark(connection: Connection) -> int:
    """How far the store has come: the number of its last pick event, 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(pick_events.c.event_id), 0))).scalar_one())


def name_store(store: OperationsStore, installation_id: str, epoch: int) -> OperationsIdentity:
    """Say whose store this is, unless it is said already; returns what is said, also when another one was faster."""
    values = {"key": _KEY, "installation_id": installation_id, "epoch": epoch, "has_gap": False}
    with store.writing() as connection:
        statement = (sqlite if store.is_sqlite else postgresql).insert(installation).values(values)
        connection.execute(statement.on_conflict_do_nothing())
        identity = read_identity(connection)
    assert identity is not None  # noqa: S101 - it is there now, whoever wrote it
    return identity


def note_lake_snapshot(connection: Connection, snapshot: int) -> None:
    """Remember that the lake has come so far; a lower number changes nothing."""
    seen = installation.c.lake_snapshot
    connection.execute(update(installation).where(or_(seen.is_(None), seen < snapshot)).values(lake_snapshot=snapshot))


def replace_identity(connection: Connection, identity: OperationsIdentity) -> None:
    """Say anew whose store this is: after a restore."""
    values: dict[str, Any] = {name: getattr(identity, name) for name in OperationsIdentity.__dataclass_fields__}
    updated = connection.execute(update(installation).where(installation.c.key == _KEY).values(**values))
    if updated.rowcount == 0:
        connection.execute(insert(installation).values(key=_KEY, **values))
