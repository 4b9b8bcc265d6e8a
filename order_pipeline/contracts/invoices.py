"""Core tables `invoices` and `invoice_lines` (docs/apis/common_schema.md sections 8 and 9)."""

from __future__ import annotations

from order_pipeline.contracts.base import CoreTable, amounts_need_currency, row_rule, table_config
from order_pipeline.contracts.enumerations import INVOICE_STATUSES, OWED_INVOICE_STATUSES
from order_pipeline.contracts.types import CURRENCY_PATTERN, Day, Money, Quantity, Text, TextList, Time, column

LINE_AMOUNTS = ("unit_price", "line_amount")
INVOICE_AMOUNTS = ("freight_amount", "tax_amount", "insurance_amount", "total_amount")


class Invoices(CoreTable):
    """An invoice issued to us, or the document that the shop owes the buyer, key invoice_id."""

    invoice_id: Text = column(
        "key: source:account:invoice_number (owed: source:account:order_number:invoice_document)",
        required=True,
        derived=True,
    )
    invoice_number: Text = column("number at the source; null only for a document that the shop owes the buyer")
    order_number: Text = column("order that it bills")
    order_id: Text = column("that order, which need not be loaded yet")
    invoice_status: Text = column(
        "requested, uploaded, issued or cancelled", required=True, rule_when_null="bad_enum", one_of=INVOICE_STATUSES
    )
    invoice_type: Text = column("kind of document")
    customer_po_number: Text = column("buyer's purchase order")
    end_customer_po_number: Text = column("purchase order of the buyer's customer")
    external_reference: Text = column("number in the other party's system")
    invoiced_at: Time = column("when it was made; never filled from the ship date")
    invoiced_at_raw: Text = column("that time as received")
    updated_at: Time = column("last change known to the source")
    updated_at_raw: Text = column("that time as received")
    shipped_on: Day = column("ship date")
    shipped_on_raw: Text = column("ship date as received")
    cancelled_on: Day = column("day it was cancelled")
    cancelled_on_raw: Text = column("that day as received")
    currency: Text = column(
        "currency; null when only the summary is known", pattern=CURRENCY_PATTERN, rule_when_unmatched="bad_currency"
    )
    freight_amount: Money = column("freight")
    tax_amount: Money = column("tax")
    insurance_amount: Money = column("insurance")
    total_amount: Money = column("total as stated (meaning not certain)")

    Config = table_config("invoices", key=("invoice_id",))

    _currency = amounts_need_currency(INVOICE_AMOUNTS)

    _number = row_rule(
        "missing_key",
        "invoice_number",
        good=lambda frame: frame["invoice_number"].notna() | frame["invoice_status"].isin(OWED_INVOICE_STATUSES),
        broken=f"invoice_number IS NULL AND coalesce(invoice_status, '') NOT IN {OWED_INVOICE_STATUSES}",
    )


class InvoiceLines(CoreTable):
    """One line of an invoice, key (invoice_id, line_number)."""

    invoice_id: Text = column("invoice", required=True, derived=True)
    line_number: Text = column("line number as text", required=True)
    line_id: Text = column("matched order line")
    customer_line_number: Text = column("buyer's line number")
    reference_line_number: Text = column("reference line number")
    sku: Text = column("item number")
    manufacturer_part_number: Text = column("manufacturer's part number")
    description: Text = column("item name")
    quantity_ordered: Quantity = column("pieces ordered", at_least=0)
    quantity_committed: Quantity = column("pieces allocated", at_least=0)
    quantity_backordered: Quantity = column("pieces waiting", at_least=0)
    quantity_shipped: Quantity = column("pieces shipped and billed", at_least=0)
    unit_price: Money = column("price per unit")
    line_amount: Money = column("shipped x price")
    currency: Text = column("currency of the amounts", pattern=CURRENCY_PATTERN, rule_when_unmatched="bad_currency")
    tracking_numbers: TextList = column("tracking numbers of the line's shipments")

    Config = table_config("invoice_lines", key=("invoice_id", "line_number"))

    _currency = amounts_need_currency(LINE_AMOUNTS)
