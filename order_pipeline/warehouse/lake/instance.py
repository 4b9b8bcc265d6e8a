"""A DuckDB instance as this project runs DuckDB: bounded memory, UTC, a spill directory of its own, pinned extensions.

The extensions are loaded from the wheels installed beside this package: nothing is downloaded at run time. Their
binaries are DuckDB's own, pinned with their hashes by the lock file. DuckDB checks the signature of each file when a
process loads it for the first time. It would read and hash the whole file again for each further instance, which took
0.4 s of every opening of a lake, though the process has the checked code in memory already.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa

from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.spill_directory import instance_directory

_CHECKED: set[tuple[Path, int, int, int]] = set()
"""Extension files whose signature DuckDB has checked in this process, as `_identity` knows them."""

Extension = Literal["ducklake", "sqlite_scanner", "postgres_scanner", "httpfs", "aws"]


class ExtensionNotInstalledError(RuntimeError):
    """The wheel that carries an extension for this DuckDB version is not installed."""


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
    # Arrow's own allocator keeps what was freed: 80 MB of a run over 200,000 orders. The system's is as quick here.
    pa.set_memory_pool(pa.system_memory_pool())
    files = [extension_file(name) for name in extensions]
    identities = {_identity(file) for file in files}
    are_checked = identities <= _CHECKED
    config: dict[str, str | bool | int | float | list[str]] = {
        "allow_unsigned_extensions": are_checked,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": memory_limit,
        "temp_directory": str(instance_directory(spill_parent)),
        **({} if threads is None else {"threads": threads}),
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        for file in files:
            connection.execute(f"LOAD {quoted(str(file))}")
        # DuckDB lets nobody switch it on again.
        connection.execute("SET GLOBAL allow_unsigned_extensions = false")
    except BaseException:
        connection.close()
        raise
    _CHECKED.update(identities)
    return connection


def _identity(file: Path) -> tuple[Path, int, int, int]:
    """Path, inode, size and time of change: another file in the same place is checked like a new one."""
    found = file.stat()
    return file, found.st_ino, found.st_size, found.st_mtime_ns


def load_extension(connection: duckdb.DuckDBPyConnection, name: Extension) -> None:
    """Load the extension into the connection's DuckDB instance (loading twice is harmless)."""
    connection.execute(f"LOAD {quoted(str(extension_file(name)))}")


def extension_file(name: Extension) -> Path:
    """The extension's file for the running DuckDB version.

    Raises:
        ExtensionNotInstalledError: no wheel, or a wheel for another DuckDB version.
    """
    module = f"duckdb_extension_{name}"
    wheel = f"{module.replace('_', '-')}=={duckdb.__version__}"
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ExtensionNotInstalledError(f"DuckDB's extension {name} is not installed: install {wheel}.")
    file = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not file.exists():
        raise ExtensionNotInstalledError(f"{module} carries another DuckDB version: install {wheel}.")
    return file
