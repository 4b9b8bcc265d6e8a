"""The sandbox in a process of its own, for measurements and for tests that kill things.

`with SandboxProcess(orders=600) as sandbox: sandbox.url`. The arguments are those of `SandboxServer`, as JSON types.
The child's input is a pipe that ends with this process, and the child with it: a killed caller leaves no fake behind.
"""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

STOP_TIMEOUT_SECONDS = 10.0


class SandboxProcess:
    """A child process that runs `SandboxServer`; `url` is known once it is entered."""

    def __init__(self, **arguments: Any) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        arguments = json.dumps({**self._arguments, "ends_with_input": True})
        command = [sys.executable, "-m", "order_pipeline.sandbox", arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
        line = self._process.stdout.readline() if self._process.stdout else ""
        name, _, url = line.strip().partition(" ")
        if name != "sandbox":
            self._stop()
            raise RuntimeError(f"the sandbox process did not start: it said {line!r} (its error output is above)")
        self.url = url
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
