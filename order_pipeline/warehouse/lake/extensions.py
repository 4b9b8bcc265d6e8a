"""DuckDB's extensions, loaded from the wheels installed beside this package: nothing is downloaded at run time.

The binaries are DuckDB's own, pinned with their hashes by the lock file. DuckDB checks their signature at every load.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import duckdb

from order_pipeline.warehouse.lake.literals import quoted

Extension = Literal["ducklake", "sqlite_scanner", "postgres_scanner", "httpfs"]


class ExtensionNotInstalledError(RuntimeError):
    """The wheel that carries an extension for this DuckDB version is not installed."""


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


def load_extension(connection: duckdb.DuckDBPyConnection, name: Extension) -> None:
    """Load the extension into the connection's DuckDB instance (loading twice is harmless)."""
    connection.execute(f"LOAD {quoted(str(extension_file(name)))}")
