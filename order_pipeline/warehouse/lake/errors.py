"""The error of a lake that cannot be used, beneath all modules that raise it."""

from __future__ import annotations


class LakeError(RuntimeError):
    """The lake could not be opened or written; the message says what was tried and what to do."""

    next_step = ""


class LakeNotMadeError(LakeError):
    """There is no lake at the address yet: its file does not exist, or its database has no catalog."""

    def __init__(self, catalog: str) -> None:
        super().__init__(f"There is no lake at {catalog} yet: run the pipeline once, or check the data directory.")
