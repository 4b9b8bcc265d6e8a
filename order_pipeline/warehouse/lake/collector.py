"""Python's garbage collector while rows are moved: what was there before is not looked at.

Belongs here: how the collector is told. Does not belong here: DuckDB's, Arrow's and the C library's memory (see `lake`
and `allocator`).
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def older_objects_left_alone() -> Generator[None]:
    """Have collections look only at objects made within the block; cycles among older ones are found after it.

    A full collection looks at every object that the imports have made: 0.1 s with this package's, more with Dagster's,
    and every thread waits for it. Pages and their replies may lie in cycles, so collecting must go on.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
