"""Comments of views: what the view means, for people, and the mark by which the pipeline knows its own."""

from __future__ import annotations

import re

_MARK = re.compile(r"\[([^\[\]]*)\]\Z")


def marked(sentence: str, mark: str) -> str:
    """The comment of a view."""
    return f"{sentence} [{mark}]"


def mark_of(comment: str | None) -> str | None:
    """The mark that a comment bears; a comment without a sentence is nothing but the mark. None: no comment."""
    found = _MARK.search(comment) if comment else None
    return found[1] if found else comment
