"""How many rows an insert into a partitioned table holds back before it hands them to its partitions' files.

Belongs here: that setting of DuckDB's, for the length of some inserts. Does not belong here: which inserts need it.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import contextmanager
from datetime import date

import duckdb

_FEW_DAYS = 50


@contextmanager
def rows_handed_on_early(connection: duckdb.DuckDBPyConnection, days: Collection[date], rows: int) -> Generator[None]:
    """Have inserts hold `rows` rows a partition: by themselves they hold a second copy of up to 524,288.

    Not with many days: DuckDB keeps the files of 100 partitions open, and begins new ones for what comes after closing
    them. Where the block fails, so does the transaction, and its connection is used no more.

    Args:
        connection: inside a `Lake.transaction()`.
        days: the partitions that get rows.
        rows: as few as the files' row groups may have.
    """
    if len(days) > _FEW_DAYS:
        yield
        return
    connection.execute(f"SET partitioned_write_flush_threshold = {rows}")
    yield
    connection.execute("RESET partitioned_write_flush_threshold")
