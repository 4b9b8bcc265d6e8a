"""Checked rows that wait in a file for their commit: those of a day that is larger than a portion.

Its portions are staged one after the other; memory has room for about one of them, the disk for all.
Does not belong here: which tables are set aside (see `step`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from order_pipeline.warehouse.core.hard_checks import StagedTable
from order_pipeline.warehouse.lake.literals import quoted

_ROW = "scratch_row"

# DuckDB collects a whole row group before it writes it: a larger one would be another copy of much of the table.
_ROWS_A_GROUP = 8192


def set_aside(connection: duckdb.DuckDBPyConnection, staged: StagedTable, file: Path) -> StagedTable:
    """Move a staged table into a Parquet file: its contract's columns, each row under the number that it had.

    Args:
        connection: sees the table, which is dropped.
        staged: all of its own checks are done; what they found names rows by number.
        file: to be made; whoever owns its directory removes it.
    """
    columns = frozenset(staged.contract.column_names) & staged.columns
    kept = replace(staged, columns=columns, relation=f"read_parquet({quoted(str(file))})", row=_ROW)
    file.parent.mkdir(parents=True, exist_ok=True)
    typed = ", ".join(
        f"CAST({column.name} AS {column.duckdb_type}) AS {column.name}"
        for column in staged.contract.columns
        if column.name in columns
    )
    connection.execute(
        f"COPY (SELECT {typed}, {staged.row} AS {_ROW} FROM {staged.relation}) TO {quoted(str(file))}"
        f" (FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE {_ROWS_A_GROUP})"
    )
    connection.execute(f"DROP TABLE {staged.relation}")
    return kept
