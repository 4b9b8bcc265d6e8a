"""Footers of Parquet files, read before the transaction that needs them.

DuckLake reads the footer of each file that it registers, one after another, inside the transaction: two requests a
file. DuckDB keeps what it has read of a remote file, so who reads the footers first, several at a time, leaves the
transaction nothing but catalog work (docs/decisions/0067-footers-are-read-before-the-transaction.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.lake.literals import quoted

FOOTER_THREADS = 16
"""They wait for answers, not for a processor."""


def read_footers(lake: Lake, paths: Iterable[str]) -> None:
    """Let the lake's DuckDB instance know the footers of these files; of local ones the system's cache does.

    Raises:
        duckdb.Error: a file is not there, or is no Parquet file.
    """
    if not lake.files.is_remote:
        return
    with closing(lake.connect()) as connection, ThreadPoolExecutor(FOOTER_THREADS, "footers") as threads:
        # A name is written once, so what was learnt of a file stays true.
        connection.execute("SET GLOBAL enable_http_metadata_cache = true")
        for done in [threads.submit(_read_footer, connection, path) for path in paths]:
            done.result()


def _read_footer(connection: Connection, path: str) -> None:
    with closing(connection.cursor()) as own:
        own.execute(f"SELECT num_rows FROM parquet_file_metadata({quoted(path)})").fetchall()
