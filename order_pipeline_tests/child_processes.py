"""A child process of a test: it ends with the test, however that ends."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def child_running(code: str) -> Iterator[subprocess.Popen[str]]:
    """A Python child with pipes for output and errors; killed at the end, for nobody waits for one that goes on."""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()
