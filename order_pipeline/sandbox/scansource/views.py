"""How the fake ScanSource shows its books: the JSON of sales orders (docs/apis/scansource.md section 3)."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any

from order_pipeline.sandbox.scansource.data import PlannedDelivery, PlannedLine, PlannedOrder
from order_pipeline.sandbox.scansource.forms import (
    Json,
    addresses,
    allocated_lines,
    american,
    american_day,
    iso_day,
    parcels,
    references,
    serials_of,
    seven_digits,
)
from order_pipeline.sandbox.scansource.switches import ScanSourceSwitches


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
            **references(order),
            "SalesRepCode": "R17",
            "Status": self.status(order),
            **addresses(order),
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
            **addresses(order),
            **references(order),
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
                    for parcel in parcels(delivery)
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
            for line, serials in serials_of(order, delivery)
            for serial in serials
        ]

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
            for shipped_line, found in serials_of(order, delivery)
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
        numbers = [parcel["TrackingNumber"] for delivery in shipped for parcel in parcels(delivery)]
        return [*numbers, order.stray_tracking_number] if shipped and order.stray_tracking_number else numbers

    def _delivery(self, order: PlannedOrder, delivery: PlannedDelivery) -> Json:
        allocated = allocated_lines(order, delivery)
        serials = {line.line_number: found for line, found in serials_of(order, delivery)}
        return {
            "DeliveryDocumentNumber": delivery.number,
            "DeliveryStatus": "Goods issued",
            "Parcels": parcels(delivery),
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
