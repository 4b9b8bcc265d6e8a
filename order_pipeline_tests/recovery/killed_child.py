"""A run in a process of its own that kills itself just after its nth write: `python -m ... DIR WITNESS URL RUN N`."""

import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from order_pipeline.operations import installation_note
from order_pipeline.operations.store import OperationsStore
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.recovery.installations import Installation


def kill_after(writes: int) -> None:
    """Count lake commits, commits of the operations store, and notes; the nth one is the process's last act."""
    done: list[None] = []

    def count() -> None:
        done.append(None)
        if len(done) == writes:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(original: Any) -> Any:
        def write(*arguments: Any, **more: Any) -> Any:
            result = original(*arguments, **more)
            count()
            return result

        return write

    def counted_block(original: Any) -> Any:
        from contextlib import contextmanager

        @contextmanager
        def block(*arguments: Any, **more: Any) -> Any:
            with original(*arguments, **more) as opened:
                yield opened
            count()

        return block

    installation_note.write_durably = counted(installation_note.write_durably)
    Lake.transaction = counted_block(Lake.transaction)
    OperationsStore.writing = counted_block(OperationsStore.writing)


if __name__ == "__main__":
    data_dir, witness, url, run, writes = sys.argv[1:]
    server: Any = SimpleNamespace(url=url)
    installation = Installation(Path(data_dir), Path(witness), server)
    kill_after(int(writes))
    if run == "read":
        installation.read("killed")
    else:
        installation.emit("killed")
