"""Waiting for something that has no bell, as long as it takes on a busy machine."""

import threading
import time
from collections.abc import Callable

PATIENCE_SECONDS = 180.0


def wait_until(reached: Callable[[], bool]) -> None:
    """Return once `reached()` is true; it should be soon, and after three minutes something is wrong.

    Raises:
        TimeoutError: it did not become true.
    """
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError("waited in vain")
        pause.wait(0.002)
