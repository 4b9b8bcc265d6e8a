"""A pick line as `marts.pick_lines` gives it: its payload, and what keeps it from being sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.floors import MAIN
from order_pipeline.picking.outbox.payload import Payload
from order_pipeline.picking.outbox.store import OrderKey

Floors: TypeAlias = Mapping[str, ScanOrdersSettings]
"""What holds for each floor, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PickLine:
    """One row of `marts.pick_lines`: one line (of one shipment) that the floor may have to pick.

    `pick_id` is the identity: source:account:order:line, with :shipment where the source has shipments. Times are
    aware. `quantity` is in sales units. `hold_reason` is None for a pickable line; `hold_scope` is `line` where
    the line itself cannot be picked, and `order` where it waits for the rest of its order. `floor` is None where nobody
    knows whose the line's location is; such a line is held.
    """

    pick_id: str
    source: str
    account: str
    order_id: str
    order_number: str
    order_day: date
    ordered_at: datetime
    line_id: str
    quantity: Decimal
    ordered_on: date | None = None
    ship_by_at: datetime | None = None
    is_express: bool | None = None
    shipment_id: str | None = None
    floor: str | None = None
    sku: str | None = None
    barcode: str | None = None
    bin_location: str | None = None
    further_bins: str | None = None
    warehouse: str | None = None
    product_name: str | None = None
    customer_name: str | None = None
    ship_to: str | None = None
    marketplace_order_id: str | None = None
    hold_reason: str | None = None
    hold_detail: str | None = None
    hold_scope: str | None = None

    @property
    def urgency(self) -> tuple[bool, datetime]:
        """Express orders come first, then those that must leave first; an order without such a time comes last."""
        return not self.is_express, self.ship_by_at or datetime.max.replace(tzinfo=UTC)

    @property
    def order_key(self) -> OrderKey:
        """The order that the line belongs to."""
        return self.source, self.account, self.order_id


_COLUMNS = tuple(PickLine.__dataclass_fields__)


def pick_line_from_row(row: Mapping[str, Any]) -> PickLine:
    """Read a row of `marts.pick_lines`; further columns are ignored.

    Raises:
        ValueError: a column is missing, or the row has no identity.
    """
    missing = [name for name in _COLUMNS if name not in row]
    if missing:
        message = f"marts.pick_lines lacks the columns {', '.join(missing)}: build the mart again, then rerun."
        raise ValueError(message)
    if not row["pick_id"]:
        message = f"marts.pick_lines has a row without pick_id (order {row['order_number']!r}): nothing was planned."
        raise ValueError(message)
    values = {name: row[name] for name in _COLUMNS}
    values["quantity"] = Decimal(str(values["quantity"] if values["quantity"] is not None else 0))
    values |= {name: in_utc(values[name]) for name in ("ordered_at", "ship_by_at")}
    return PickLine(**values)


def in_utc(moment: datetime | None) -> datetime | None:
    """The moment, aware; one without a zone is UTC."""
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def pick_lines_from_rows(rows: Iterable[Mapping[str, Any]]) -> list[PickLine]:
    """Read all rows; see `pick_line_from_row`."""
    return [pick_line_from_row(row) for row in rows]


def settings_for(line: PickLine, floors: Floors) -> ScanOrdersSettings:
    """What holds for the line's floor; of a line whose floor is not known, and which is held, what holds for `main`."""
    return floors.get(line.floor or MAIN, floors[MAIN])


def build_payload(line: PickLine, settings: ScanOrdersSettings) -> Payload:
    """The JSON object of `neworders` (docs/apis/scanorders.md section 6) for one line.

    Optional parameters are left out when empty, and the address is left out unless the setting asks for it: personal
    data goes out only where the floor needs it.
    """
    payload: Payload = {
        "barcode": line.barcode or "",
        "ordernumber": line.order_number,
        "orderdate": (line.ordered_on or line.order_day).strftime(settings.order_date_format),
        "qtytopick": int(line.quantity),
        "customername": line.customer_name or "",
        "binloc": line.bin_location or "",
    }
    if settings.send_product_name and (name := _shown_name(line)):
        payload["productname"] = name
    if settings.send_shipping_address and line.ship_to:
        payload["shippingaddress"] = line.ship_to
    if line.marketplace_order_id:
        payload["mktid"] = line.marketplace_order_id
    return payload


def _shown_name(line: PickLine) -> str:
    """The name, and where else the item lies: `binloc` takes one bin (section 6), the name is a free text."""
    also = f"(also in {line.further_bins})" if line.further_bins else ""
    return " ".join(part for part in (line.product_name, also) if part)


def why_not_sendable(line: PickLine, floors: Floors) -> tuple[str, str] | None:
    """The reason and its detail for holding the line, or None.

    First the mart's own reason, then a floor that no setting makes (the mart is older than the settings), then what
    `neworders` requires (section 6; an empty required text is undefined there, so it is never sent), then the
    allow-list of the first live day.
    """
    if line.hold_reason:
        return line.hold_reason, line.hold_detail or line.hold_reason
    if (line.floor or MAIN) not in floors:
        return "unknown_floor", f"no setting makes the floor {line.floor}: run emission_job"
    if line.quantity <= 0 or line.quantity != line.quantity.to_integral_value():
        return "quantity_not_pickable", f"quantity {line.quantity} is not a whole number of pieces above zero"
    required = {
        "order_number": line.order_number,
        "barcode": line.barcode,
        "bin_location": line.bin_location,
        "customer_name": line.customer_name,
    }
    empty = [name for name, value in required.items() if not (value or "").strip()]
    if empty:
        return f"missing_{empty[0]}", f"ScanOrders requires {', '.join(empty)}; the line has none"
    allowed = settings_for(line, floors).allowed_order_numbers
    if allowed is not None and line.order_number not in allowed:
        return "not_on_allow_list", "only the order numbers of scanorders.allowed_order_numbers are sent"
    return None
