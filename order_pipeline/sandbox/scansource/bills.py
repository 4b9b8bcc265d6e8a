"""The fake ScanSource's invoices and price answers as JSON (docs/apis/scansource.md sections 4 and 5.1).

The invoice detail and the price row are made up from documented names: no such answer of ScanSource is known.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from order_pipeline.sandbox.scansource.data import PlannedDelivery, PlannedOrder
from order_pipeline.sandbox.scansource.forms import (
    NEVER,
    Json,
    addresses,
    allocated_lines,
    american,
    parcels,
    references,
    serials_of,
    seven_digits,
)
from order_pipeline.sandbox.scansource.items import DistributorItem


def invoice_summary(order: PlannedOrder, delivery: PlannedDelivery, now: datetime) -> Json:
    """One element of invoice/summary: the only place of an invoice's date; no currency."""
    changed = delivery.invoiced_at
    if delivery.invoice_cancelled_at is not None and delivery.invoice_cancelled_at <= now:
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


def invoice_row(order: PlannedOrder, delivery: PlannedDelivery) -> Json:
    """One element of invoice/list: everything of the detail but Cancelled and the lines' Shipments."""
    first = delivery is order.deliveries[0]
    return {
        "InvoiceNumber": delivery.invoice_number,
        "SalesOrderNumber": order.number,
        **references(order),
        "DocType": "ZF2",
        **addresses(order),
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
                "SerialNumbers": next((found for on, found in serials_of(order, delivery) if on is line), []),
            }
            for line, amount in allocated_lines(order, delivery)
        ],
    }


def invoice_detail(order: PlannedOrder, delivery: PlannedDelivery, now: datetime) -> Json:
    """invoice/detail. Its shape is made up from the documented additions to the list row."""
    row = invoice_row(order, delivery)
    cancelled = delivery.invoice_cancelled_at
    row["Cancelled"] = seven_digits(cancelled) if cancelled is not None and cancelled <= now else NEVER
    for line in row["InvoiceLines"]:
        line["Shipments"] = [{"TrackingNumber": parcel["TrackingNumber"]} for parcel in parcels(delivery)]
    return row


def price_row(requested: str, item: DistributorItem | None, quantity: int) -> Json:
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


def _invoice_total(order: PlannedOrder, delivery: PlannedDelivery) -> Any:
    goods = sum(line.item.partner_price * amount for line, amount in allocated_lines(order, delivery))
    return goods + (order.freight if delivery is order.deliveries[0] else 0)
