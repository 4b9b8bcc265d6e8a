"""Core tables `orders` and `order_lines` (docs/apis/common_schema.md sections 2 and 3)."""

from __future__ import annotations

from order_pipeline.contracts.base import CoreTable, amounts_need_currency, table_config
from order_pipeline.contracts.enumerations import (
    DELIVERY_METHODS,
    FULFILLERS,
    LINE_STATUSES,
    ORDER_STATUSES,
    PRICE_BASES,
)
from order_pipeline.contracts.types import (
    CURRENCY_PATTERN,
    Count,
    Day,
    Flag,
    Money,
    Quantity,
    Rate,
    Text,
    TextList,
    Time,
    column,
)

ORDER_AMOUNTS = (
    "subtotal_amount",
    "tax_amount",
    "shipping_amount",
    "insurance_amount",
    "total_amount",
    "commission_amount",
    "platform_fee_amount",
)
LINE_AMOUNTS = ("unit_price", "list_price", "line_amount", "discount_amount", "tax_amount", "commission_amount")


class Addresses(CoreTable):
    """The two addresses of an order, all personal data."""

    ship_to_name: Text = column("recipient", personal=True)
    ship_to_attention: Text = column("recipient's attention line", personal=True)
    ship_to_line1: Text = column("street and number, or the collection point's address", personal=True)
    ship_to_line2: Text = column("second address line", personal=True)
    ship_to_city: Text = column("city", personal=True)
    ship_to_region: Text = column("state, prefecture or region", personal=True)
    ship_to_postal_code: Text = column("postal code as text", personal=True)
    ship_to_country: Text = column("country code as received", personal=True)
    ship_to_phone: Text = column("recipient's phone, to be called", personal=True)
    ship_to_floor: Text = column("floor of the address", personal=True)
    ship_to_note: Text = column("note to the address, for whoever brings it", personal=True)
    customer_email: Text = column("buyer's e-mail", personal=True)
    bill_to_name: Text = column("billed party", personal=True)
    bill_to_attention: Text = column("billing attention line", personal=True)
    bill_to_line1: Text = column("billing street and number", personal=True)
    bill_to_line2: Text = column("second billing line", personal=True)
    bill_to_city: Text = column("billing city", personal=True)
    bill_to_region: Text = column("billing state or region", personal=True)
    bill_to_postal_code: Text = column("billing postal code as text", personal=True)
    bill_to_country: Text = column("billing country code", personal=True)
    bill_to_vat_number: Text = column("billed party's VAT number, only where an invoice was asked for", personal=True)
    bill_to_profession: Text = column("billed party's profession", personal=True)
    bill_to_tax_office: Text = column("billed party's tax office", personal=True)


class Orders(Addresses):
    """One order of a channel, key order_id; the latest complete version, full history in raw."""

    order_id: Text = column("key: source:account:order_number", required=True, derived=True)
    order_number: Text = column("number at the source, as received", required=True)
    external_reference: Text = column("number in the other party's system")
    customer_po_number: Text = column("buyer's purchase order")
    end_customer_po_number: Text = column("purchase order of the buyer's customer")
    order_type: Text = column("source's own text")
    order_status: Text = column(
        "normalised status, section 12", required=True, rule_when_null="bad_enum", one_of=ORDER_STATUSES
    )
    source_status: Text = column("status text as received", required=True)
    status_reason: Text = column("free text beside the status")
    ordered_at: Time = column("order time, UTC", required=True, rule_when_null="bad_timestamp")
    ordered_at_raw: Text = column("order time as received", required=True, rule_when_null="bad_timestamp", derived=True)
    updated_at: Time = column("last change known to the source")
    updated_at_raw: Text = column("last change as received")
    expires_at: Time = column("accept by")
    ship_by_at: Time = column("dispatch by")
    pickup_from_at: Time = column("start of the chosen window in which the courier comes")
    pickup_until_at: Time = column("end of that window")
    last_shipped_on: Day = column("day of the last shipment")
    last_shipped_on_raw: Text = column("day of the last shipment as received")
    currency: Text = column(
        "currency of all amounts in the row", pattern=CURRENCY_PATTERN, rule_when_unmatched="bad_currency"
    )
    subtotal_amount: Money = column("goods before order-level charges")
    subtotal_includes_tax: Flag = column("basis of the subtotal")
    tax_amount: Money = column("all tax")
    shipping_amount: Money = column("shipping charge; an estimate where the source knows no better")
    insurance_amount: Money = column("insurance charge")
    total_amount: Money = column("order total as the source states it, never derived")
    commission_amount: Money = column("platform's commission")
    platform_fee_amount: Money = column("other platform fees, never added to totals")
    platform_fees: Text = column("those fees by the source's names, JSON", json=True)
    is_test: Flag = column(
        "test order: kept here, left out by picking and marts", required=True, rule_when_null="bad_json"
    )
    is_express: Flag = column("express delivery")
    is_gift: Flag = column("gift wrapping or gift order")
    awaits_read: Flag = column("known from an event alone, with no read of ours since; null where orders are only read")
    is_fraud_locked: Flag = column("held by the source for fraud", required=True, rule_when_null="bad_json")
    is_paid: Flag = column("paid by the buyer")
    payment_method: Text = column("payment method as received")
    fulfilled_by: Text = column("who fulfils", one_of=FULFILLERS)
    delivery_method: Text = column("how it is delivered", one_of=DELIVERY_METHODS)
    ship_method: Text = column("carrier or service text")
    parcel_count: Count = column("number of parcels as stated", at_least=0)
    invoice_requested: Flag = column("the buyer wants an invoice")
    invoice_document: Text = column("kind of document that the shop owes")
    vat_exclusion_requested: Flag = column("the buyer asks for an invoice without VAT", personal=True)
    vat_exclusion_method: Text = column("how the buyer's right to it is verified, as received", personal=True)
    delivery_note_number: Text = column("marketplace warehouse's delivery note")
    invoice_numbers: TextList = column("invoices that the order names")
    replaces_order_number: Text = column("order that this one replaces")
    replacements: Text = column("orders that replace this one, JSON: code and type of each", json=True)
    returns: Text = column("returns of this order, JSON: return_uuid and tracking_ids of each", json=True)
    customer_id: Text = column("buyer's id at the source", personal=True)
    sales_rep_code: Text = column("sales representative's code", personal=True)
    sales_rep_name: Text = column("sales representative's name", personal=True)
    sales_rep_email: Text = column("sales representative's e-mail", personal=True)
    entered_by_email: Text = column("e-mail of who entered the order", personal=True)
    note: Text = column("free note", personal=True)

    Config = table_config("orders", key=("order_id",))

    _currency = amounts_need_currency(ORDER_AMOUNTS)


class OrderLines(CoreTable):
    """One line of an order, key line_id; quantities in pieces of the sales unit."""

    line_id: Text = column("key: order_id:line_key", required=True, derived=True)
    order_id: Text = column("order", required=True, derived=True)
    line_key: Text = column("line's id at the source, never its position", required=True)
    customer_line_number: Text = column("buyer's line number")
    reference_line_number: Text = column("reference line number")
    sku: Text = column("item number, key into reference.item_locations", required=True, rule_when_null="missing_sku")
    parent_sku: Text = column("product of which this is a variation")
    ean: Text = column("barcode stated by the source, that of the variation where there is one")
    item_ean: Text = column("barcode of the product itself")
    manufacturer_part_number: Text = column("manufacturer's part number")
    customer_part_number: Text = column("buyer's part number")
    customer_part_reference: Text = column("buyer's part reference")
    description: Text = column("item name, entities decoded once")
    item_category_code: Text = column("item category")
    item_category_description: Text = column("item category, text")
    material_group_code: Text = column("material group")
    material_group_description: Text = column("material group, text")
    quantity_ordered: Quantity = column("pieces ordered", required=True, rule_when_null="bad_number", at_least=0)
    quantity_committed: Quantity = column("pieces allocated, not yet shipped", at_least=0)
    quantity_backordered: Quantity = column("pieces waiting for stock", at_least=0)
    quantity_shipped: Quantity = column("pieces shipped", at_least=0)
    quantity_cancelled: Quantity = column("pieces called off", at_least=0)
    price_basis: Text = column(
        "what the source's price is per",
        required=True,
        rule_when_null="bad_enum",
        one_of=PRICE_BASES,
    )
    unit_price: Money = column("charged per unit; null when price_basis is unknown")
    list_price: Money = column("list price per unit")
    line_amount: Money = column("quantity x price before order charges; null when price_basis is unknown")
    discount_amount: Money = column("discount on the line")
    tax_amount: Money = column("tax on the line")
    tax_rate: Rate = column("tax rate as a fraction; as received where the source does not document the unit")
    price_includes_tax: Flag = column("the price contains tax")
    commission_amount: Money = column("platform's commission on the line")
    commission_rate: Rate = column("commission as a fraction of the line amount")
    currency: Text = column(
        "currency of all amounts in the row", pattern=CURRENCY_PATTERN, rule_when_unmatched="bad_currency"
    )
    line_status: Text = column(
        "normalised status, section 12", required=True, rule_when_null="bad_enum", one_of=LINE_STATUSES
    )
    source_line_status: Text = column("line status text as received")
    reject_reason: Text = column("why the line was refused")
    return_reason: Text = column("why the line came back")
    next_ship_on: Day = column("earliest estimated shipping day")
    next_ship_on_raw: Text = column("that day as received")
    extras: Text = column("the rest worth keeping, JSON", json=True)

    Config = table_config("order_lines", key=("line_id",))

    _currency = amounts_need_currency(LINE_AMOUNTS)
