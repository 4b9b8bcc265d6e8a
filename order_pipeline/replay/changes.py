"""What a replay would change. Values of personal columns never stand here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value that becomes another one, in how many rows; for a personal column both are masked."""

    before: str
    after: str
    rows: int


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column whose values change.

    Attributes:
        column: its name.
        rows: how many rows have another value.
        values: the changes that most rows have.
        example: the key of one of the rows.
    """

    column: str
    rows: int
    values: Sequence[ValueChange]
    example: str


@dataclass(frozen=True, slots=True)
class TableChange:
    """What changes in a core table of a channel: numbers of rows, and the columns of those that stay."""

    source: str
    table: str
    before: int
    after: int
    added: int
    gone: int
    changed: int
    columns: Sequence[ColumnChange]

    @property
    def is_none(self) -> bool:
        """Whether every row stays as it is."""
        return not (self.added or self.gone or self.changed)


@dataclass(frozen=True, slots=True)
class RejectChange:
    """Rejects of a rule that come, or that are gone; `example` is the key of one."""

    source: str
    table: str
    rule: str
    field: str
    opened: int
    resolved: int
    example: str


@dataclass(frozen=True, slots=True)
class PickChange:
    """A pick line for which an emission would do something else.

    Attributes:
        pick_id: the line.
        order_number: the channel's number of its order.
        before: what an emission of now does: an action, and the reason where it has one; None: not on the list.
        after: the same after the replay.
    """

    pick_id: str
    order_number: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ReplayChanges:
    """What a replay of days would change.

    Attributes:
        days: how many days were replayed, by channel.
        owed: days among them that core owes: raw has something new there, whatever the code.
        tables: every core table of every channel that has rows.
        rejects: rules whose rejects change.
        picks: lines of the list of picks that change.
        seconds: how long it took.
    """

    days: dict[str, int]
    owed: dict[str, Sequence[date]]
    tables: Sequence[TableChange]
    rejects: Sequence[RejectChange]
    picks: Sequence[PickChange]
    seconds: float = field(compare=False)

    @property
    def is_identical(self) -> bool:
        """Whether nothing would change."""
        return not self.rejects and not self.picks and all(each.is_none for each in self.tables)
