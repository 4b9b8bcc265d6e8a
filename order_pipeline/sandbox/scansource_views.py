"""How the fake ScanSource shows its books: the JSON of apis/scansource.md sections 3 to 6, mixed dates included.

Belongs here: names, nesting and value forms of every answer. Does not belong here: HTTP, paging, filters.
"""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from .scansource_data import DistributorItem, PlannedDelivery, PlannedLine, PlannedOrder
from .scansource_switches import ScanSourceSwitches

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


class Views:
    """Answers as of one moment, under the given switches."""

    def __init__(self, now: datetime, switches: ScanSourceSwitches) -> None:
        self.now = now
        self.switches = switches

    def status(self, order: PlannedOrder) -> str:
        """The order's status text; the spelling of a cancellation can be switched."""
        text = order.status(self.now)
        return "Canceled" if text == "Cancelled" and self.switches.cancelled_with_one_l else text

    def finish(self, answer: Any) -> Any:
        """Apply the switches that touch a whole answer: numbers as text, arrays in another order."""
        if self.switches.shuffle_arrays:
            answer = _shuffled(answer)
        return _as_text(answer) if self.switches.numbers_as_text else answer

    def order_row(self, order: PlannedOrder, *, schedule_lines: bool = False) -> Json:
        """One element of salesorder/list."""
        return {
            "OrderNumber": order.number,
            **_references(order),
            "SalesRepCode": "R17",
            "Status": self.status(order),
            **_addresses(order),
            "ShippingOptionDescription": "Ground",
            "FreightAmount": order.freight,
            "EnteredByEmail": "buyer@partner.example",
            "Total": order.goods_total() + order.freight + order.tax(),
            "Currency": order.currency,
            "SalesOrderLines": [self._row_line(order, line, schedule_lines=schedule_lines) for line in order.lines],
            "DateEntered": american(order.entered_at),
            "LastChanged": american(order.last_changed(self.now)),
        }

    def order_summary(self, order: PlannedOrder) -> Json:
        """One element of salesorder/summary: no currency."""
        row = self.order_row(order)
        return {
            key: row[key]
            for key in ("OrderNumber", "PONumber", "DocType", "Status", "Total", "DateEntered", "LastChanged")
        }

    def order_detail(self, order: PlannedOrder, *, exclude_tracking: bool = False) -> Json:
        """salesorder/detail: no DateEntered, no LastChanged."""
        shipped = order.shipped_deliveries(self.now)
        number = order.number.lstrip("0") if self.switches.detail_without_leading_zeros else order.number
        detail: Json = {
            "SalesOrderNumber": number,
            **_addresses(order),
            **_references(order),
            "Status": self.status(order),
            "LastShipDate": american_day(max(d.shipped_at for d in shipped)) if shipped else "",
            "Memo": order.memo,
            "SalesRepCode": "R17",
            "SalesRepName": "Dana Example",
            "SalesRepEmail": "dana@distributor.example",
            "InsuranceAmount": 0,
            "TaxAmount": order.tax(),
            "Total": order.goods_total() + order.freight + order.tax(),
            "Currency": order.currency,
            "EnteredByEmail": "buyer@partner.example",
            "ShippingOptionDescription": "Ground",
            "FreightAmount": order.freight,
            "SalesOrderLines": [self._detail_line(order, line) for line in order.lines],
        }
        invoices: Any = [delivery.invoice_number for delivery in order.invoiced_deliveries(self.now)]
        if self.switches.invoice_numbers_as_text and invoices:
            invoices = invoices[0]
        detail["InvoiceNmbers" if self.switches.misspelt_invoice_numbers else "InvoiceNumbers"] = invoices
        tracking: Json = {"TrackingNumbers": self._tracking_numbers(order)}
        if not self.switches.deliveries_absent:
            tracking["Deliveries"] = [self._delivery(order, delivery) for delivery in shipped]
        if exclude_tracking and self.switches.excluded_as == "absent":
            return detail
        if exclude_tracking:
            tracking = dict.fromkeys(tracking, None if self.switches.excluded_as == "null" else [])
        return detail | tracking

    def order_tracking(self, order: PlannedOrder) -> Json:
        """salesorder/tracking: objects where the detail has strings."""
        deliveries = [
            {
                "DeliveryNumber": delivery.number,
                "ShipDate": iso_day(delivery.shipped_at),
                "ShipMethod": f"{delivery.carrier} Ground",
                "TrackingNumbers": [
                    {"Carrier": delivery.carrier, "TrackingNumber": parcel["TrackingNumber"]}
                    for parcel in _parcels(delivery)
                ],
            }
            for delivery in order.shipped_deliveries(self.now)
        ]
        return {"Orders": [{"OrderNumber": order.number, "Deliveries": deliveries}] if deliveries else []}

    def serial_rows(self, order: PlannedOrder) -> list[Json]:
        """Rows of salesorder/serials: billed units only; OrderLineNumber is a string here."""
        return [
            {
                "OrderNumber": order.number,
                "OrderLineNumber": f"{line.line_number:06d}",
                "PONumber": order.purchase_order,
                "InvoiceNumber": delivery.invoice_number,
                "ItemNumber": line.item.item_number,
                "ManufacturerItemNumber": line.item.manufacturer_part,
                "Manufacturer": line.item.manufacturer,
                "SerialNumber": serial,
                "BillingDate": seven_digits(delivery.invoiced_at),
            }
            for delivery in order.invoiced_deliveries(self.now)
            for line, serials in _serials(order, delivery)
            for serial in serials
        ]

    def invoice_summary(self, order: PlannedOrder, delivery: PlannedDelivery) -> Json:
        """One element of invoice/summary: the only place of an invoice's date; no currency."""
        changed = delivery.invoiced_at
        if delivery.invoice_cancelled_at is not None and delivery.invoice_cancelled_at <= self.now:
            changed = delivery.invoice_cancelled_at
        return {
            "OrderNumber": order.number,
            "InvoiceNumber": delivery.invoice_number,
            "PONumber": order.purchase_order,
            "DocType": "ZF2",
            "Total": _invoice_total(order, delivery),
            "ShippingOption": "GRD",
            "ShippingOptionDescription": "Ground",
            "DateEntered": american(delivery.invoiced_at),
            "LastChanged": american(changed),
        }

    def invoice_row(self, order: PlannedOrder, delivery: PlannedDelivery) -> Json:
        """One element of invoice/list: everything of the detail but Cancelled and the lines' Shipments."""
        first = delivery is order.deliveries[0]
        return {
            "InvoiceNumber": delivery.invoice_number,
            "SalesOrderNumber": order.number,
            **_references(order),
            "DocType": "ZF2",
            **_addresses(order),
            "ShipDate": seven_digits(delivery.shipped_at),
            "SalesRepCode": "R17",
            "SalesRepName": "Dana Example",
            "SalesRepEmail": "dana@distributor.example",
            "FreightAmount": order.freight if first else 0,
            "TaxAmount": 0,
            "InsuranceAmount": 0,
            "Total": _invoice_total(order, delivery),
            "Currency": order.currency,
            "EnteredByEmail": "buyer@partner.example",
            "ShippingOption": "GRD",
            "ShippingOptionDescription": "Ground",
            "InvoiceLines": [
                {
                    "LineNumber": line.line_number,
                    "POLineNumber": line.line_number // 10,
                    "ReferenceLineNumber": f"{line.line_number:06d}",
                    "ItemNumber": line.item.item_number,
                    "ProductMfrPart": line.item.manufacturer_part,
                    "ItemDescription": line.item.description,
                    "Ordered": line.quantity,
                    "Committed": 0,
                    "BackOrdered": 0,
                    "Shipped": amount,
                    "Price": line.item.partner_price,
                    "Currency": order.currency,
                    "SerialNumbers": next((found for on, found in _serials(order, delivery) if on is line), []),
                }
                for line, amount in _allocated_lines(order, delivery)
            ],
        }

    def invoice_detail(self, order: PlannedOrder, delivery: PlannedDelivery) -> Json:
        """invoice/detail. Its shape is made up from the documented additions to the list row."""
        row = self.invoice_row(order, delivery)
        cancelled = delivery.invoice_cancelled_at
        row["Cancelled"] = seven_digits(cancelled) if cancelled is not None and cancelled <= self.now else NEVER
        for line in row["InvoiceLines"]:
            line["Shipments"] = [{"TrackingNumber": parcel["TrackingNumber"]} for parcel in _parcels(delivery)]
        return row

    def price_row(self, requested: str, item: DistributorItem | None, quantity: int) -> Json:
        """One row of product/pricing (made up from the documented names): a row error has a price of 0."""
        if item is None or item.pricing_error:
            text = item.pricing_error if item else "Item was not found"
            return {"ItemNumber": requested, "UnitPrice": 0, "PricingError": True, "PricingErrorDesc": text}
        unit = item.special_price or item.partner_price
        return {
            "ItemNumber": requested,
            "Cost": item.partner_price,
            "UnitPrice": unit,
            "UnitPriceCurrencyCode": "USD",
            "ExtendedTotal": unit * quantity,
            "ExtendedTotalCurrency": "USD",
            "MSRP": item.list_price,
            "MSRPCurrencyCode": "USD",
            "DealerAuthorized": True,
            "SPA": item.special_price is not None,
            "SPADescription": "Spring programme" if item.special_price else "",
            "SPARestriction": item.special_price_restricted,
            "SPARestrictionDescription": "Named end users only" if item.special_price_restricted else "",
            "QuantityAvailable": item.stock,
            "TotalInventory": item.stock + 2,
            "QuantityOnOrder": 40 if item.stock == 0 else 0,
            "InventoryDisplay": str(item.stock) if item.stock else "Call for ETA",
            "DealInfos": [],
            "PricingError": False,
            "PricingErrorDesc": "",
        }

    def _row_line(self, order: PlannedOrder, line: PlannedLine, *, schedule_lines: bool) -> Json:
        state = order.line_state(line, self.now)
        row: Json = {
            "LineNumber": line.line_number,
            "POLineNumber": line.line_number // 10,
            "ItemNumber": line.item.item_number,
            "ProductMfrPart": line.item.manufacturer_part,
            "Ordered": state.ordered,
            "Committed": state.committed,
            "BackOrdered": state.back_ordered,
            "Shipped": state.shipped,
            "Canceled": state.cancelled,
            "Price": line.item.partner_price,
            "Currency": order.currency,
        }
        return row | {"ScheduleLines": self._schedule(order, state.back_ordered)} if schedule_lines else row

    def _detail_line(self, order: PlannedOrder, line: PlannedLine) -> Json:
        row = self._row_line(order, line, schedule_lines=True)
        serials = [
            serial
            for delivery in order.shipped_deliveries(self.now)
            for shipped_line, found in _serials(order, delivery)
            if shipped_line is line
            for serial in found
        ]
        return row | {
            "ReferenceLineNumber": f"{line.line_number:06d}",
            "CustomerPartNumber": "",
            "CustomerPartReference": "",
            "ProductDescription": line.item.description,
            "ItemCatCode": "TAN",
            "ItemCatDesc": "Standard item",
            "MatlGrpCode": "HW",
            "MatlGrpDesc": "Hardware",
            "RejectReason": "Customer request" if row["Canceled"] else "",
            "SerialNumbers": serials,
        }

    def _schedule(self, order: PlannedOrder, back_ordered: int) -> list[Json]:
        return [
            {"EstimatedShipDate": iso_day(delivery.shipped_at), "Confirmed": back_ordered}
            for delivery in order.deliveries
            if back_ordered and delivery.committed_at > self.now
        ]

    def _tracking_numbers(self, order: PlannedOrder) -> list[str]:
        shipped = order.shipped_deliveries(self.now)
        numbers = [parcel["TrackingNumber"] for delivery in shipped for parcel in _parcels(delivery)]
        return [*numbers, order.stray_tracking_number] if shipped and order.stray_tracking_number else numbers

    def _delivery(self, order: PlannedOrder, delivery: PlannedDelivery) -> Json:
        allocated = _allocated_lines(order, delivery)
        serials = {line.line_number: found for line, found in _serials(order, delivery)}
        return {
            "DeliveryDocumentNumber": delivery.number,
            "DeliveryStatus": "Goods issued",
            "Parcels": _parcels(delivery),
            "LineItems": [
                {
                    "DeliveryDocumentLineNumber": 10 * position,
                    "OrderLineNumber": line.line_number,
                    "ItemNumber": line.item.item_number,
                    "QuantityOrdered": line.quantity,
                    "QuantityPicked": amount,
                    "QuantityScanned": amount,
                    "QuantityShipped": amount,
                    "QuantityCanceled": 0,
                    "LineItemDetails": [
                        {
                            "CartonNumber": "1",
                            "SerialNumber": serial,
                            "MACAddress": f"00:15:5D:{number // 256:02X}:{number % 256:02X}:01",
                            "MACAddressUnformatted": f"00155D{number // 256:02X}{number % 256:02X}01",
                        }
                        for number, serial in enumerate(serials.get(line.line_number, []))
                    ]
                    or [{"CartonNumber": "1", "SerialNumber": None, "MACAddress": "", "MACAddressUnformatted": ""}],
                }
                for position, (line, amount) in enumerate(allocated, start=1)
            ],
            "ShippedDate": f"{iso_day(delivery.shipped_at)}T00:00:00",
        }


def _references(order: PlannedOrder) -> Json:
    return {
        "PONumber": order.purchase_order,
        "EndUserPO": order.end_user_purchase_order,
        "ReferenceNumber": order.reference,
        "DocType": "ZQT" if order.quotation else "ZOR",
    }


def _addresses(order: PlannedOrder) -> Json:
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


def _parcels(delivery: PlannedDelivery) -> list[Json]:
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


def _allocated_lines(order: PlannedOrder, delivery: PlannedDelivery) -> list[tuple[PlannedLine, int]]:
    lines = {line.line_number: line for line in order.lines}
    return [(lines[number], amount) for number, amount in delivery.allocations]


def _serials(order: PlannedOrder, delivery: PlannedDelivery) -> list[tuple[PlannedLine, list[str]]]:
    """Serials of the delivery's serialised lines; units of later deliveries count on from the earlier ones."""
    found: list[tuple[PlannedLine, list[str]]] = []
    for line, amount in _allocated_lines(order, delivery):
        if not line.item.serialised:
            continue
        earlier = 0
        for other in order.deliveries[: order.deliveries.index(delivery)]:
            earlier += sum(quantity for number, quantity in other.allocations if number == line.line_number)
        found.append((line, [serial_number(order, line.line_number, earlier + unit) for unit in range(amount)]))
    return found


def _invoice_total(order: PlannedOrder, delivery: PlannedDelivery) -> Any:
    goods = sum(line.item.partner_price * amount for line, amount in _allocated_lines(order, delivery))
    return goods + (order.freight if delivery is order.deliveries[0] else 0)


def _shuffled(value: Any) -> Any:
    if isinstance(value, list):
        items = [_shuffled(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        Random(len(items)).shuffle(items)  # noqa: S311 - no secret
        return items[::-1]
    if isinstance(value, dict):
        return {key: _shuffled(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value


def _as_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_text(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value if isinstance(value, bool) or value is None else str(value)
