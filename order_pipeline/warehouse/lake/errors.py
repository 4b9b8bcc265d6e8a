"""The error of a lake that cannot be used, beneath all modules that raise it."""

from __future__ import annotations


class LakeError(RuntimeError):
    """The lake could not be opened or written; the message says what was tried and what to do."""

    next_step = ""
