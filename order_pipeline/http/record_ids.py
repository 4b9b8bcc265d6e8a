"""Which ids of records may stand in a call. An id comes from a record, and a record may say anything.

An id is sent encoded, never as it is; one that no URL can carry, or that could make it another URL, is not sent at all.
"""

from __future__ import annotations

import re

LONGEST_ID = 200
"""Characters. The longest documented id has 100 (docs/apis/kibo.md section 3.1); servers refuse URLs of some 8,000."""

_OTHER_PATH = re.compile(r"[/\\]|%(2f|5c|2e)", re.IGNORECASE)
_SEGMENTS = re.compile(r"[/\\]")


def problem_of_id(record_id: str) -> str | None:
    """Why no call can ask for this id, in words that show none of it; None if one can."""
    if not record_id.strip():
        return "the id is blank"
    if len(record_id) > LONGEST_ID:
        return f"the id has {len(record_id)} characters; {LONGEST_ID} are the most that is asked for"
    if not record_id.isprintable():
        return "the id holds characters that are not printable"
    if any(segment in {".", ".."} for segment in _SEGMENTS.split(record_id)):
        return "the id would make the URL another one"
    return None


def problem_of_path_id(record_id: str) -> str | None:
    """Why no call can have this id as a part of its path; None if one can.

    A slash is encoded, and servers and proxies decode it before they look for the path: `1/accept` would be another
    call. So would `1%2Faccept`, where two of them decode.
    """
    if problem := problem_of_id(record_id):
        return problem
    return "the id holds a slash, which could make the path another one" if _OTHER_PATH.search(record_id) else None
