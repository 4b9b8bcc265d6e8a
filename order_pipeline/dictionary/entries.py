"""One entry of the dictionary: a table or view with its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnEntry:
    """One column.

    Attributes:
        name: as in SQL.
        kind: its type.
        sentence: what it means.
        unit: in what it is told; "" where it needs none.
        is_personal: whether its values may be personal data.
        may_be_null: whether NULL is allowed; None: nothing declares it, as for a view.
        rules: hard checks that reject a row because of it, each with the SQL condition of a bad row.
        tests: what dbt asks of it.
        fields: channel -> the field of its API that it comes from.
    """

    name: str
    kind: str
    sentence: str
    unit: str
    is_personal: bool
    may_be_null: bool | None = None
    rules: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class TableEntry:
    """One table or view.

    Attributes:
        schema: the schema that it stands in; `ops` is the operations store.
        name: without the schema.
        what: `table` or `view`.
        sentence: what a row of it is.
        columns: in their order.
        key: the columns that name a row; empty where nothing declares them.
        reads: relations that it is made of.
        checks: soft checks that look at it.
        tests: what dbt asks of the whole.
    """

    schema: str
    name: str
    what: str
    sentence: str
    columns: tuple[ColumnEntry, ...]
    key: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()

    @property
    def relation(self) -> str:
        """The qualified name."""
        return f"{self.schema}.{self.name}"
