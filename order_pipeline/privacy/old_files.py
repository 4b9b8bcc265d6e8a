"""What the lake's files and catalog still say of a person although no table does: old snapshots, statistics."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from order_pipeline.privacy.needles import Needles
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.lake.forgetting import METADATA

_STATISTICS = """
SELECT min_value, max_value FROM {metadata}.{table}
WHERE min_value IS NOT NULL OR max_value IS NOT NULL"""


def old_files_with(lake: Lake, connection: Connection, needles: Needles) -> int:
    """How many Parquet files that are not of the current snapshot name the person; of a lake on this machine."""
    if "://" in lake.data_path:
        return 0
    current = {
        path.rsplit("/", 1)[-1]
        for (path,) in connection.execute(
            f"SELECT path FROM {METADATA}.ducklake_data_file WHERE end_snapshot IS NULL"
        ).fetchall()
    }
    return sum(
        _names_person(file, needles)
        for file in sorted(Path(lake.data_path).rglob("*.parquet"))
        if file.name not in current
    )


def statistics_with(connection: Connection, needles: Needles) -> int:
    """How many smallest or largest values in the catalog name the person."""
    return sum(
        any(value is not None and needles.is_in(value) for value in row)
        for table in ("ducklake_file_column_stats", "ducklake_table_column_stats")
        for row in connection.execute(_STATISTICS.format(metadata=METADATA, table=table)).fetchall()
    )


def _names_person(file: Path, needles: Needles) -> bool:
    """By the values of its columns: in the bytes they are compressed."""
    try:
        with pq.ParquetFile(file) as parquet:
            return any(
                needles.is_in(value.decode(errors="replace") if isinstance(value, bytes) else str(value))
                for batch in parquet.iter_batches(batch_size=1024)
                for column in batch.columns
                if pa.types.is_string(column.type) or pa.types.is_binary(column.type) or pa.types.is_nested(column.type)
                for value in column.to_pylist()
                if value is not None
            )
    except (OSError, pa.ArrowInvalid, duckdb.Error):
        return False
