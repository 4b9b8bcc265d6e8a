"""Which columns may be shown to people who need no names and addresses: pages in the UI, an export for others.

Of a table with a contract the contract says it. A mart's columns have none, so a column is shown only where a contract
says of its name that it is not personal, where the SQL itself words its values, or where it is a number, a time or a
flag that the marts compute. Whatever a new mart brings is hidden until somebody says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from order_pipeline.contracts import CORE_TABLES, MASK, ItemLocations, table_contract
from order_pipeline.privacy.columns import personal_columns
from order_pipeline.warehouse.lake.connection import Connection

WORDED_BY_SQL = {
    *("delivered_basis", "fact", "further_bins", "hold_reason", "hold_scope", "kind", "on_time_basis", "pick_id"),
    *("reason", "resource", "shipped_basis", "stage", "state", "tax_basis"),
}
"""Text columns of marts that no contract names, and that repeat nothing a channel said but keys."""
COMPUTED_TYPES = ("BIGINT", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "HUGEINT", "INTEGER", "TIMESTAMP")


def is_open(column: str, kind: str) -> bool:
    """Whether nobody's data can be in a mart's column of this name and DuckDB type."""
    said = set(_said_by_contracts(column))
    return said == {False} or (not said and (column in WORDED_BY_SQL or kind.startswith(COMPUTED_TYPES)))


def hidden_columns(connection: Connection, relation: str, kinds: Mapping[str, str]) -> set[str]:
    """The columns of a table or mart whose values are hidden.

    Args:
        connection: to the lake.
        relation: `core.orders`, `marts.pick_lines`.
        kinds: its columns with their DuckDB types.
    """
    if relation.startswith("marts."):
        return {name for name, kind in kinds.items() if not is_open(name, kind)}
    return set(personal_columns(connection).get(relation, ())) & kinds.keys()


def masked(column: str, kind: str) -> str:
    """SQL that tells of a hidden column only whether there is a value, with its own name and type.

    What is no text cannot hold the mask: it is NULL.
    """
    return (
        f'CASE WHEN "{column}" IS NOT NULL THEN \'{MASK}\' END AS "{column}"'
        if kind == "VARCHAR"
        else f'NULL::{kind} AS "{column}"'
    )


def _said_by_contracts(column: str) -> Iterator[bool]:
    """Whether it is personal, by each contract that has a column of this name."""
    for model in (*CORE_TABLES.values(), ItemLocations):
        yield from (each.personal for each in table_contract(model).columns if each.name == column)
