"""The C library's allocator: what it is told, so that freed memory does not stay with the process.

Belongs here: settings of the allocator itself. Does not belong here: when memory is given back (see `lake`).
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD = -1  # numbers of glibc's malloc.h
_MMAP_THRESHOLD = -3

LARGE = 4 * 1024 * 1024
KEPT_AT_THE_END = LARGE  # of each thread's heap; with four times as much a build took 20 MB more and no less time


def return_large_blocks() -> None:
    """Have glibc give blocks of `LARGE` bytes and more back when they are freed; nothing under another C library.

    By itself it raises both of its limits to what was last freed, up to 32 MB, and then keeps as much at the end of
    each thread's heap: some 40 MB after a fetch that wrote with 16 MB a transaction.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, LARGE)
        library.mallopt(_TRIM_THRESHOLD, KEPT_AT_THE_END)
