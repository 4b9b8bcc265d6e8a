"""What keeps memory flat, and what finding unused memory costs: the allocator, Python's collector."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from order_pipeline.warehouse.lake.collector import older_objects_left_alone
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import kibo_order, receive

_FREES_A_LARGER_BLOCK_FIRST = """
import ctypes
from pathlib import Path
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake import allocator
from order_pipeline.warehouse.lake.connection import Lake

class Figures(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

library = ctypes.CDLL(None)
library.mallinfo2.restype, library.malloc.restype = Figures, ctypes.c_void_p
if {lake_is_opened}:
    Lake(Settings(_env_file=None, data_dir=Path({directory}))).connect()
library.free(ctypes.c_void_p(library.malloc(4 * allocator.LARGE)))
before = library.mallinfo2().hblks
block = library.malloc(allocator.LARGE)
print(library.mallinfo2().hblks - before)
"""

_FREES_120_MEGABYTES = """
from pathlib import Path
import psutil
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import kibo_order, receive

def resident():
    return psutil.Process().memory_info().rss // 1_000_000

in_use = bytes(1) * {megabytes_in_use} * 1_000_000
lake = Lake(Settings(_env_file=None, data_dir=Path({directory})))
connection = lake.connect()
connection.execute("CREATE TABLE memory.main.numbers AS SELECT range AS number FROM range(16000000)")
connection.execute("DROP TABLE memory.main.numbers")
freed = resident()
{then}
print(freed - resident())
"""


def test_no_copy_of_the_files_that_were_read_is_kept(lake: Lake) -> None:
    receive(lake, [kibo_order(1)])
    with lake.connect() as connection:
        assert connection.execute("SELECT max(strlen(payload)) > 1000 FROM raw.kibo_orders").fetchone() == (True,)
        cached = "SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'EXTERNAL_FILE_CACHE'"
        assert connection.execute(cached).fetchall() == [(0,)]


@pytest.mark.skipif(sys.platform != "linux", reason="speaks of glibc's allocator")
@pytest.mark.parametrize(("lake_is_opened", "mapped"), [(True, 1), (False, 0)])
def test_a_large_block_goes_back_when_freed_also_after_a_larger_one(
    tmp_path: Path, lake_is_opened: bool, mapped: int
) -> None:
    code = _FREES_A_LARGER_BLOCK_FIRST.replace("{lake_is_opened}", str(lake_is_opened))
    code = code.replace("{directory}", repr(str(tmp_path)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == mapped


@pytest.mark.skipif(sys.platform != "linux", reason="measures what Linux counts as resident")
@pytest.mark.parametrize(
    ("megabytes_in_use", "then", "is_given_back"),
    [
        (0, "lake.give_back_memory()", False),
        (300, "lake.give_back_memory()", True),
        (0, "receive(lake, [kibo_order(1)])", True),
    ],
    ids=["a step of a process with little memory", "a step of one with much", "a fetch, always"],
)
def test_freed_memory_goes_back_from_a_process_that_has_much_and_after_a_fetch(
    tmp_path: Path, megabytes_in_use: int, then: str, is_given_back: bool
) -> None:
    code = _FREES_120_MEGABYTES.replace("{megabytes_in_use}", str(megabytes_in_use)).replace("{then}", then)
    code = code.replace("{directory}", repr(str(tmp_path)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (int(done.stdout) > 60) == is_given_back


class _Node:
    """Something that can refer to itself and so needs the collector."""

    def __init__(self) -> None:
        self.itself = self


def _is_looked_at(node: _Node) -> bool:
    return any(known is node for known in gc.get_objects())


def test_cycles_made_within_the_block_are_found_and_older_ones_after_it() -> None:
    older = _Node()
    with older_objects_left_alone():
        assert not _is_looked_at(older)
        newer = weakref.ref(_Node())
        gc.collect()
        assert newer() is None
    assert _is_looked_at(older)


def test_older_objects_are_looked_at_again_also_after_a_failure() -> None:
    older = _Node()
    with pytest.raises(ZeroDivisionError), older_objects_left_alone():
        _ = 1 / 0
    assert _is_looked_at(older)


def test_collections_leave_older_objects_alone_during_a_fetch(lake: Lake) -> None:
    older, looked_at = _Node(), list[bool]()
    receive(lake, [kibo_order(1)], progress=lambda _: looked_at.append(_is_looked_at(older)))
    assert looked_at == [False]
    assert _is_looked_at(older)
