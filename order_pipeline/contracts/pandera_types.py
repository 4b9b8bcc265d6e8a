"""Keeps dask out of a process that only wants pandera: pandera imports it, where it is installed, to name its types.

dask is here for the executor of a cluster (docs/decisions/0066-a-cluster-is-an-executor.md), and no frame of a contract
is dask's. Its frames cost each process 0.65 s of processor time and 23 MB.
"""

from __future__ import annotations

import importlib
import sys

_FRAMES = "dask.dataframe"


def name_types_without_dask() -> None:
    """Let pandera find dask's frames missing while it names its types; who wants them can import them afterwards."""
    if _FRAMES in sys.modules:
        return
    sys.modules[_FRAMES] = None  # pyright: ignore[reportArgumentType]  Python's own mark of what cannot be imported
    try:
        importlib.import_module("pandera.typing.dask")
    finally:
        del sys.modules[_FRAMES]
