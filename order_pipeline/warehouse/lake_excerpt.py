"""Some rows of the lake in a small database in memory, and the deployed views over these rows.

A view reads all files of its tables, several times where it joins. After a year that takes seconds, though the answer
is of a few days. Rows that are copied once are read as often as the views like.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeAlias

import duckdb

SCHEMAS = ("core", "quarantine", "reference", "marts")

ViewChoice: TypeAlias = Callable[[str], bool]
"""Whether a view of the marts is wanted, by its name."""

_DEPLOYED = "SELECT view_name, sql FROM duckdb_views() WHERE database_name = 'lake' AND schema_name = 'marts'"


class LakeExcerpt:
    """A database in memory with the lake's schemas.

    Args:
        connection: to the lake, which it names `lake`. Its current database stays.
        name: of the database; nobody else of this DuckDB instance may use it.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        self.name = name
        self._connection = connection
        self._deployed: dict[str, str] = {}
        self._made: set[str] = set()
        connection.execute(f"ATTACH ':memory:' AS {name}")
        for schema in SCHEMAS:
            connection.execute(f"CREATE SCHEMA {name}.{schema}")

    def copy(self, table: str, condition: str = "true", values: dict[str, Any] | None = None) -> None:
        """Copy the rows of a table or view of the lake for which the condition is true, in place of earlier ones."""
        sql = f"CREATE OR REPLACE TABLE {self.name}.{table} AS SELECT * FROM lake.{table} WHERE {condition}"
        self._connection.execute(sql, values or {})

    def make_views(self, is_wanted: ViewChoice) -> None:
        """Make the deployed views of the marts that are wanted and not there yet, each after what it reads.

        A view that reads what is not in the excerpt is not made: whoever asks it gets DuckDB's `CatalogException`.
        """
        if not self._deployed:
            self._deployed = dict(self._connection.execute(_DEPLOYED).fetchall())
        waiting = sorted(filter(is_wanted, self._deployed.keys() - self._made), key=_after_what_it_reads)
        with self.used():
            while made := {name for name in waiting if self._makes_view(name)}:
                waiting = [name for name in waiting if name not in made]
                self._made |= made

    def close(self) -> None:
        """Forget the rows; not within the transaction that copied them."""
        self._connection.execute(f"DETACH {self.name}")

    @contextmanager
    def used(self) -> Generator[None]:
        """Within the block `core.orders` means the excerpt's; afterwards it means the lake's again."""
        self._connection.execute(f"USE {self.name}")
        try:
            yield
        finally:
            self._connection.execute("USE lake")

    def _makes_view(self, name: str) -> bool:
        sql = self._deployed[name]
        try:
            self._connection.execute(f"CREATE VIEW marts.{name}{sql[sql.index(' AS ') :]}")
        except duckdb.CatalogException:
            return False
        return True


def _after_what_it_reads(name: str) -> tuple[bool, bool, int, str]:
    """Most views find what they read at the first try: obstacles, a channel's candidates, all candidates, the rest."""
    is_first = name.startswith(("named_", "open_", "pick_obst"))
    return not is_first, not name.startswith("pick_candidates__"), -len(name), name
