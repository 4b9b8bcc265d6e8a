"""Append-only tables: the same observation, read again, is not stored again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import duckdb
import pyarrow as pa

from order_pipeline.contracts import CORE_TABLES, TableContract, table_contract
from order_pipeline.warehouse.lake.literals import date_list, quoted

# Columns that say where a row came from, not what was observed: the same observation read again differs only in these.
_ORIGIN_OF_ROW = ("order_day", "raw_record_id", "raw_sha256", "fetched_at", "run_id")


def known_observations(
    connection: duckdb.DuckDBPyConnection, source: str, days: Collection[date]
) -> dict[str, pa.Table]:
    """What core has of these days: append-only table -> hashes of the rows' contents.

    Args:
        connection: in a read transaction of the lake.
        source: the channel.
        days: all were built before.
    """
    return {
        name: connection.execute(
            f"SELECT DISTINCT hash({_content(contract)}) AS content FROM core.{name}"
            f" WHERE source = {quoted(source)} AND order_day IN ({date_list(days)})"
        ).to_arrow_table()
        for name, contract in ((name, table_contract(model)) for name, model in CORE_TABLES.items())
        if contract.append_only
    }


def new_observations(
    connection: duckdb.DuckDBPyConnection, contract: TableContract, rows: str, known: pa.Table | None
) -> str:
    """SQL of the rows that core does not have, once per distinct content.

    Args:
        connection: sees `rows`.
        contract: of the append-only table.
        rows: a relation.
        known: what core has, see `known_observations`; None where nothing was built before.
    """
    content = _content(contract)
    conditions = ""
    if known is not None and known.num_rows:
        connection.register("known", known)
        connection.execute(f"CREATE TABLE known_{contract.name} AS SELECT content FROM known")
        connection.unregister("known")
        conditions += f" WHERE hash({content}) NOT IN (SELECT content FROM known_{contract.name})"
    counts = connection.execute(f"SELECT count(*), count(DISTINCT hash({content})) FROM {rows}").fetchone()
    if counts and counts[0] != counts[1]:  # sorting them is expensive, and mostly there are no equal ones
        conditions += f" QUALIFY row_number() OVER (PARTITION BY hash({content}) ORDER BY raw_record_id) = 1"
    return f"(SELECT * FROM {rows}{conditions})"


def _content(contract: TableContract) -> str:
    return ", ".join(name for name in contract.column_names if name not in _ORIGIN_OF_ROW)
