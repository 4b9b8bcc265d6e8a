"""Opening a DuckDB instance the way this project runs DuckDB: bounded memory, UTC, and a spill directory of its own.

An instance has one memory limit and one thread pool. It knows no catalog: `connection` attaches the lake to one, and a
build's chunk needs none.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from order_pipeline.warehouse.lake.extensions import Extension, load_extension
from order_pipeline.warehouse.lake.spill_directory import instance_directory


def open_instance(
    spill_parent: Path, *, memory_limit: str, threads: int | None = None, extensions: Iterable[Extension] = ()
) -> duckdb.DuckDBPyConnection:
    """Open an instance in memory; its last connection to close ends it and removes what it spilled.

    Args:
        spill_parent: the directory under which each process and each instance has its own spill directory.
        memory_limit: as DuckDB writes it, `320MB`.
        threads: DuckDB's own threads; None: one a processor.
        extensions: to be loaded; those not named can not be used.

    Raises:
        ExtensionNotInstalledError: the wheel of an extension is missing.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": memory_limit,
        "temp_directory": str(instance_directory(spill_parent)),
        **({} if threads is None else {"threads": threads}),
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        for name in extensions:
            load_extension(connection, name)
    except BaseException:
        connection.close()
        raise
    return connection
