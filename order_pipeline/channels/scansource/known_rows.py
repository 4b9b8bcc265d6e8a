"""What raw holds of the rows of a list: which of them need no call."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from order_pipeline.channels.base import SourceState, Window
from order_pipeline.channels.scansource.listed import ListedRow


@dataclass(frozen=True, slots=True)
class Known:
    """What raw holds of some records: hashes of their list rows, and whose details are there."""

    row_hashes: Mapping[str, str]
    with_detail: Collection[str]

    def holds(self, row: ListedRow) -> bool:
        """Whether raw holds exactly this row and its detail."""
        return self.row_hashes.get(row.record_id) == row.content_sha256 and row.record_id in self.with_detail


def known_by_id(known: SourceState, row_resource: str, detail_resource: str, rows: Sequence[ListedRow]) -> Known:
    """What raw holds of rows whose days may be anywhere."""
    ids = [row.record_id for row in rows]
    latest = known.latest_payloads(row_resource, ids) if ids else {}
    hashes = {row.record_id: row.content_sha256 for row in rows if latest.get(row.record_id) == row.payload}
    return Known(hashes, known.latest_payloads(detail_resource, list(hashes)).keys() if hashes else ())


def known_in_window(known: SourceState, row_resource: str, detail_resource: str, window: Window) -> Known:
    """What raw holds of the records of a window."""
    return Known(known.latest_hashes(row_resource, window), known.latest_hashes(detail_resource, window).keys())
