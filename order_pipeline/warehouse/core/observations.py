"""Append-only tables: the same observation, read again, is not stored again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import duckdb
import pyarrow as pa

from order_pipeline.contracts import CORE_TABLES, TableContract, table_contract
from order_pipeline.warehouse.lake.bookkeeping import of_source
from order_pipeline.warehouse.lake.literals import date_list

# Columns that say where a row came from, not what was observed: the same observation read again differs only in these.
_ORIGIN_OF_ROW = ("order_day", "raw_record_id", "raw_sha256", "fetched_at", "run_id")


def known_observations(
    connection: duckdb.DuckDBPyConnection, source: str, days: Collection[date]
) -> dict[str, pa.Table]:
    """What core has of these days: append-only table -> hashes of the rows' contents, as `content`.

    Args:
        connection: in a read transaction of the lake.
        source: the channel.
        days: the days that are built.
    """
    return {
        contract.name: connection.execute(
            f"SELECT DISTINCT {_content_hash(contract)} AS content FROM core.{contract.name}"
            f" WHERE order_day IN ({date_list(days)}) AND {of_source(source)}"
        ).to_arrow_table()
        for contract in map(table_contract, CORE_TABLES.values())
        if contract.append_only
    }


def new_observations(connection: duckdb.DuckDBPyConnection, contract: TableContract, known: pa.Table) -> str:
    """SQL of the rows of `core.<table>` in a chunk's database that the lake does not have, once per distinct content.

    Args:
        connection: of the chunk.
        contract: of the append-only table.
        known: what the lake has, see `known_observations`.
    """
    connection.register("known", known)
    connection.execute(f"CREATE TABLE known_{contract.name} AS SELECT content FROM known")
    connection.unregister("known")
    content = _content_hash(contract)
    return (
        f"SELECT * FROM core.{contract.name} WHERE {content} NOT IN (SELECT content FROM known_{contract.name})"
        f" QUALIFY row_number() OVER (PARTITION BY {content} ORDER BY raw_record_id) = 1"
    )


def _content_hash(contract: TableContract) -> str:
    return f"hash({', '.join(name for name in contract.column_names if name not in _ORIGIN_OF_ROW)})"
