"""Pieces that several of the fake ScanSource's answers share: dates, addresses, parcels, serials.

Dates are written as docs/apis/scansource.md section 8 says.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from order_pipeline.sandbox.scansource.data import PlannedDelivery, PlannedLine, PlannedOrder

Json = dict[str, Any]
OFFICE = ZoneInfo("America/New_York")
NEVER = "0001-01-01T00:00:00"


def american(moment: datetime) -> str:
    """`M/D/YYYY H:MM AM/PM` on the office's clock, no offset: an order's DateEntered."""
    local = moment.astimezone(OFFICE)
    return f"{local.month}/{local.day}/{local.year} {local.hour % 12 or 12}:{local.minute:02d} {local:%p}"


def american_day(moment: datetime) -> str:
    """`M/D/YYYY`: LastShipDate."""
    local = moment.astimezone(OFFICE)
    return f"{local.month}/{local.day}/{local.year}"


def iso_day(moment: datetime) -> str:
    """`YYYY-MM-DD`: dates of schedule lines and of tracking."""
    return moment.astimezone(OFFICE).date().isoformat()


def seven_digits(moment: datetime) -> str:
    """ISO with seven fraction digits and offset: BillingDate and an invoice's ShipDate."""
    local = moment.astimezone(OFFICE)
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond * 10 + 18:07d}{offset[:3]}:{offset[3:]}"


def serial_number(order: PlannedOrder, line_number: int, position: int) -> str:
    """The serial of one unit; it is the same wherever the unit is shown."""
    return f"SN{order.number[-6:]}{line_number:03d}{position:03d}"


def references(order: PlannedOrder) -> Json:
    """The numbers that the parties gave the order."""
    return {
        "PONumber": order.purchase_order,
        "EndUserPO": order.end_user_purchase_order,
        "ReferenceNumber": order.reference,
        "DocType": "ZQT" if order.quotation else "ZOR",
    }


def addresses(order: PlannedOrder) -> Json:
    """Both addresses, which are the same here."""
    name, attention, street, city, state, postal_code, country = order.buyer
    address = {
        "Name": name,
        "Attn": attention,
        "Street1": street,
        "Street2": "",
        "City": city,
        "State": state,
        "PostalCode": postal_code,
        "Country": country,
    }
    return {"BillingAddress": address, "ShippingAddress": address}


def parcels(delivery: PlannedDelivery) -> list[Json]:
    """The delivery's cartons, each with a tracking number."""
    return [
        {
            "CartonNumber": str(carton),
            "CarrierCode": delivery.carrier,
            "TrackingType": "Parcel",
            "TrackingNumber": f"1Z{delivery.number}{carton:02d}",
            "Weight": 2.5 * carton,
            "WeightUOM": "LB",
        }
        for carton in range(1, delivery.cartons + 1)
    ]


def allocated_lines(order: PlannedOrder, delivery: PlannedDelivery) -> list[tuple[PlannedLine, int]]:
    """The order's lines that the delivery holds, with the quantity of each."""
    lines = {line.line_number: line for line in order.lines}
    return [(lines[number], amount) for number, amount in delivery.allocations]


def serials_of(order: PlannedOrder, delivery: PlannedDelivery) -> list[tuple[PlannedLine, list[str]]]:
    """Serials of the delivery's serialised lines; units of later deliveries count on from the earlier ones."""
    found: list[tuple[PlannedLine, list[str]]] = []
    for line, amount in allocated_lines(order, delivery):
        if not line.item.serialised:
            continue
        earlier = 0
        for other in order.deliveries[: order.deliveries.index(delivery)]:
            earlier += sum(quantity for number, quantity in other.allocations if number == line.line_number)
        found.append((line, [serial_number(order, line.line_number, earlier + unit) for unit in range(amount)]))
    return found
