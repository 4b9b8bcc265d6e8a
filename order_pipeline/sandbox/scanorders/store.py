"""What the ScanOrders fake keeps: fulfilments, one list a branch, and the ledger that proves or disproves duplicates.

Nothing here merges or drops a create. `workflows.py` says what a valid request is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

FIRST_ORDER_ID = 7_600_001
START_STATUS = "In Progress"
STATUS_NUMBERS = {"In Progress": 123.0, "Ready to Fulfil": 124.0, "Picked": 125.0}
LINE_KEY = ("ordernumber", "barcode", "mktid", "binloc", "qtytopick")


@dataclass(slots=True)
class Fulfilment:
    """One accepted create. `values` are the parameters as sent, `body` the request's bytes as text."""

    order_id: int
    fulfilment_id: str
    values: dict[str, Any]
    body: str
    status: str = START_STATUS
    history: list[str] = field(default_factory=lambda: [START_STATUS])

    def reading(self) -> dict[str, Any]:
        """The five documented fields: the barcode as a number (zeros in front are lost), the quantity as text."""
        barcode = str(self.values["barcode"])
        ordered = str(self.values["orderdate"])
        return {
            "orderbarcode": int(barcode) if barcode.isdecimal() else barcode,
            "customername": self.values["customername"],
            "orderquantity": str(self.values["qtytopick"]),
            "status": STATUS_NUMBERS[self.status],
            "orderdate": day_first(ordered),
        }


def day_first(text: str) -> str:
    """An ISO date as `d/mm/yyyy`; any other text as it is."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{day.day}/{day.month:02d}/{day.year}"


class Branch:
    """The data of one branch (live or version-test).

    With a journal it remembers across restarts, as the real app does: each create and each status is a line of JSON
    that is written before the answer leaves.
    """

    def __init__(self, journal: Path | None = None) -> None:
        self._fulfilments: list[Fulfilment] = []
        self._by_order_id: dict[int, list[Fulfilment]] = {}
        self._order_ids: dict[str, int] = {}
        self._journal = journal
        if journal is not None and journal.exists():
            for line in journal.read_bytes().splitlines():
                self._replay(msgspec.json.decode(line))

    def forget(self) -> None:
        """Begin anew, journal included."""
        if self._journal is not None:
            self._journal.unlink(missing_ok=True)
        self._fulfilments.clear()
        self._by_order_id.clear()
        self._order_ids.clear()

    def _replay(self, entry: dict[str, Any]) -> None:
        if "fulfilment" in entry:
            self._add(Fulfilment(**entry["fulfilment"]))
        else:
            self._set(entry["order_id"], entry["status"])

    def _write(self, entry: dict[str, Any]) -> None:
        if self._journal is None:
            return
        self._journal.parent.mkdir(parents=True, exist_ok=True)
        with self._journal.open("ab") as stream:
            stream.write(msgspec.json.encode(entry) + b"\n")

    def _add(self, fulfilment: Fulfilment) -> None:
        self._fulfilments.append(fulfilment)
        self._by_order_id.setdefault(fulfilment.order_id, []).append(fulfilment)
        self._order_ids.setdefault(str(fulfilment.values["ordernumber"]), fulfilment.order_id)

    def _set(self, order_id: int, status: str) -> list[Fulfilment]:
        lines = self._by_order_id.get(order_id, [])
        for line in lines:
            line.status = status
            line.history.append(status)
        return lines

    def create(self, values: dict[str, Any], body: bytes, *, same_id: bool, group_lines: bool) -> Fulfilment:
        """Store one line to pick, whatever was stored before."""
        number = len(self._fulfilments)
        order_id = FIRST_ORDER_ID + number
        if group_lines:
            order_id = self._order_ids.get(str(values["ordernumber"]), order_id)
        fulfilment_id = str(order_id) if same_id else f"F{900_001 + number}x{order_id}"
        fulfilment = Fulfilment(order_id, fulfilment_id, values, body.decode("utf-8", "replace"))
        self._write({"fulfilment": asdict(fulfilment)})
        self._add(fulfilment)
        return fulfilment

    def find(self, order_id: int) -> Fulfilment | None:
        """The first fulfilment with this OrderID."""
        lines = self._by_order_id.get(order_id)
        return lines[0] if lines else None

    def set_status(self, order_id: int, status: str) -> bool:
        """Change the status of every line with this OrderID; False if there is none."""
        lines = self._set(order_id, status)
        if lines:
            self._write({"order_id": order_id, "status": status})
        return bool(lines)

    def ledger(self) -> dict[str, Any]:
        """All accepted creates in order, and how often each distinct line and each distinct body was accepted."""
        lines = Counter(tuple(str(f.values.get(name, "")) for name in LINE_KEY) for f in self._fulfilments)
        bodies = Counter(f.body for f in self._fulfilments)
        return {
            "accepted": len(self._fulfilments),
            "distinct_lines": len(lines),
            "distinct_bodies": len(bodies),
            "repeated_lines": [
                {**dict(zip(LINE_KEY, key, strict=True)), "count": count} for key, count in lines.items() if count > 1
            ],
            "repeated_bodies": [{"body": body, "count": count} for body, count in bodies.items() if count > 1],
            "fulfilments": [asdict(fulfilment) for fulfilment in self._fulfilments],
        }
