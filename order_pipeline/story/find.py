"""Which orders a number names: any number that a person may have of an order.

Each kind of number is looked up by itself with the value bound, so that the lake leaves out the files that cannot hold
it. One number may name several orders: a purchase order is shared, and two channels may count alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import duckdb
from sqlalchemy import Connection, or_, select

from order_pipeline.operations.tables import pick_outbox
from order_pipeline.story.rows import read_rows

MOST_ORDERS = 20
"""Of more orders behind one number only so many are told."""

# `$order_id` is what a number of the form source:account:order[:...] begins with: an order id, a pick id, a line id.
_KINDS = {
    "order id": "SELECT source, order_id FROM core.orders WHERE order_id = $order_id",
    "order number": "SELECT source, order_id FROM core.orders WHERE order_number = $number",
    "external reference": "SELECT source, order_id FROM core.orders WHERE external_reference = $number",
    "purchase order": "SELECT source, order_id FROM core.orders WHERE customer_po_number = $number",
    "end customer's purchase order": "SELECT source, order_id FROM core.orders WHERE end_customer_po_number = $number",
    "shipment": "SELECT source, order_id FROM core.shipments WHERE shipment_number = $number AND NOT is_derived",
    "tracking code": "SELECT source, order_id FROM core.parcels WHERE tracking_number = $number",
    "invoice": "SELECT source, order_id FROM core.invoices WHERE invoice_number = $number",
    "fulfilment": "SELECT source, order_id FROM core.pick_status WHERE fulfilment_id = $number",
    "order in quarantine": (
        "SELECT source, order_id FROM quarantine.rejects WHERE order_id = $order_id"
        " OR split_part(order_id, ':', 3) = $number"
    ),
}
_NEEDS = {name: tuple(value for value in ("order_id", "number") if f"${value}" in sql) for name, sql in _KINDS.items()}


@dataclass(slots=True)
class FoundOrder:
    """One order that the number names, and as what: `order number`, `tracking code`."""

    source: str
    order_id: str
    named_by: list[str] = field(default_factory=list[str])


def cleaned(number: str) -> str:
    """The number as it is stored: people copy spaces around it, and a `#` before it."""
    return number.strip().removeprefix("#").strip()


def order_id_in(number: str) -> str:
    """The order id that an order id, a line id or a pick id begins with; an empty text where there is none."""
    parts = number.split(":")
    return ":".join(parts[:3]) if len(parts) >= 3 and all(parts[:3]) else ""


def find_orders(lake: duckdb.DuckDBPyConnection, operations: Connection | None, number: str) -> list[FoundOrder]:
    """The orders that the number names, in order of their ids.

    Args:
        lake: connected to the lake.
        operations: connected to the operations store; None: there is none yet.
        number: as `cleaned`.
    """
    found: dict[tuple[str, str], FoundOrder] = {}
    for kind, source, order_id in [*_in_lake(lake, number), *_in_outbox(operations, number)]:
        order = found.setdefault((source, order_id), FoundOrder(source, order_id))
        if kind not in order.named_by:
            order.named_by.append(kind)
    return [found[key] for key in sorted(found)]


def _in_lake(lake: duckdb.DuckDBPyConnection, number: str) -> Iterable[tuple[str, str, str]]:
    values = {"number": number, "order_id": order_id_in(number)}
    for kind, sql in _KINDS.items():
        needed = {name: values[name] for name in _NEEDS[kind]}
        if any(needed.values()):
            for row in read_rows(lake, f"{sql} AND order_id IS NOT NULL GROUP BY ALL", **needed):
                yield kind, row["source"], row["order_id"]


def _in_outbox(operations: Connection | None, number: str) -> Iterable[tuple[str, str, str]]:
    """Picks that the lake does not show: of an order that left core, or planned this moment."""
    if operations is None:
        return
    columns = pick_outbox.c
    query = select(columns.source, columns.order_id, columns.pick_id).where(
        or_(columns.pick_id == number, columns.order_number == number)
    )
    for row in operations.execute(query.limit(10_000)):
        yield "pick" if row.pick_id == number else "order number", str(row.source), str(row.order_id)
