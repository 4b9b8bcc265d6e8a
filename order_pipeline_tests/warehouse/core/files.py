"""The files of core that no table of the lake has."""

from __future__ import annotations

from pathlib import Path

from order_pipeline.contracts import CORE_TABLES
from order_pipeline.warehouse.lake.connection import Lake


def files_on_disk(lake: Lake) -> set[str]:
    return {file.name for table in CORE_TABLES for file in Path(lake.data_path, "core", table).rglob("*.parquet")}


def unpublished_files(lake: Lake) -> list[str]:
    """Names of files that no snapshot of the catalog ever had."""
    with lake.snapshot() as connection:
        known = connection.execute("SELECT path FROM __ducklake_metadata_lake.ducklake_data_file").fetchall()
    return sorted(files_on_disk(lake) - {path.rsplit("/", 1)[-1] for (path,) in known})
