"""Core tables `shipments`, `shipment_lines`, `parcels` and `serial_numbers` (docs/apis/common_schema.md 4 to 7)."""

from __future__ import annotations

import pandas as pd

from order_pipeline.contracts.base import CoreTable, amounts_need_currency, row_rule, table_config
from order_pipeline.contracts.enumerations import LINE_STATUSES, SERIAL_SOURCES, SHIPMENT_STATUSES
from order_pipeline.contracts.types import CURRENCY_PATTERN, Day, Flag, Money, Quantity, Text, TextList, Time, column

SHIPMENT_AMOUNTS = (
    "subtotal_amount",
    "tax_amount",
    "shipping_amount",
    "total_amount",
    "platform_fee_amount",
    "fulfiller_amount",
)


def _has_known_serial_sources(frame: pd.DataFrame) -> pd.Series:
    values = frame["seen_in"].list.flatten()
    with_unknown = values.index[~values.isin(SERIAL_SOURCES)]
    return pd.Series(~frame.index.isin(with_unknown), index=frame.index)


class Shipments(CoreTable):
    """One delivery document, fulfilment or an order's single dispatch, key shipment_id."""

    shipment_id: Text = column("key: order_id:shipment_number", required=True, derived=True)
    order_id: Text = column("order", required=True, derived=True)
    shipment_number: Text = column("number at the source", required=True)
    is_derived: Flag = column("the source has no such object", required=True, rule_when_null="bad_json")
    shipment_status: Text = column(
        "normalised status, section 12", required=True, rule_when_null="bad_enum", one_of=SHIPMENT_STATUSES
    )
    source_status: Text = column("status text as received")
    source_state_code: Text = column("code of the step in the source's workflow, as received")
    source_state_name: Text = column("name of that step, as received")
    source_state_type: Text = column("kind of that workflow, as received")
    created_at: Time = column("when the source made it; not the order time")
    ready_at: Time = column("when it became ready")
    shipped_on: Day = column("day it left")
    shipped_on_raw: Text = column("that day as received")
    ship_method: Text = column("carrier or service text")
    ship_from_code: Text = column("shipping location's code")
    ship_from_name: Text = column("shipping location's name")
    subtotal_amount: Money = column("goods before tax")
    tax_amount: Money = column("tax on items and shipping")
    shipping_amount: Money = column("shipping fee")
    total_amount: Money = column("total with tax")
    platform_fee_amount: Money = column("platform's share")
    fulfiller_amount: Money = column("store's share")
    currency: Text = column(
        "currency of all amounts in the row", pattern=CURRENCY_PATTERN, rule_when_unmatched="bad_currency"
    )
    is_late: Flag = column("late by the source's own reckoning")
    packing_list_link: Text = column("URL of the packing list; nothing of the pipeline fetches it", personal=True)

    Config = table_config("shipments", key=("shipment_id",))

    _currency = amounts_need_currency(SHIPMENT_AMOUNTS)


class ShipmentLines(CoreTable):
    """What a shipment holds of a line, key (shipment_id, shipment_line_key)."""

    shipment_id: Text = column("shipment", required=True, derived=True)
    shipment_line_key: Text = column("line's id within the shipment", required=True)
    order_id: Text = column("order", required=True, derived=True)
    line_id: Text = column("order line, where the source says which")
    sku: Text = column("item number")
    quantity_ordered: Quantity = column("pieces in this shipment", at_least=0)
    quantity_picked: Quantity = column("pieces picked", at_least=0)
    quantity_scanned: Quantity = column("pieces scanned", at_least=0)
    quantity_shipped: Quantity = column("pieces shipped", at_least=0)
    quantity_cancelled: Quantity = column("pieces called off", at_least=0)
    line_status: Text = column(
        "normalised status, section 12", required=True, rule_when_null="bad_enum", one_of=LINE_STATUSES
    )
    source_line_status: Text = column("line status text as received")

    Config = table_config("shipment_lines", key=("shipment_id", "shipment_line_key"))


class Parcels(CoreTable):
    """One carton or tracking number, key parcel_id = shipment_id:carton_number/tracking_number."""

    parcel_id: Text = column("key; a missing part is `-`", required=True)
    shipment_id: Text = column("shipment", required=True, derived=True)
    order_id: Text = column("order", required=True, derived=True)
    carton_number: Text = column("carton")
    tracking_number: Text = column("tracking number")
    carrier: Text = column("carrier's code or name as received")
    tracking_type: Text = column("kind of tracking")
    weight: Quantity = column("weight in weight_uom", at_least=0)
    weight_uom: Text = column("unit of the weight, never converted")

    Config = table_config("parcels", key=("parcel_id",))


class SerialNumbers(CoreTable):
    """One serial number of an order's line, key (order_id, line_key, serial_number)."""

    order_id: Text = column("order", required=True, derived=True)
    line_key: Text = column("line's id at the source; `-` when unknown", required=True)
    serial_number: Text = column("serial number", required=True)
    shipment_id: Text = column("shipment that held it")
    carton_number: Text = column("carton that held it")
    mac_address: Text = column("MAC address")
    invoice_number: Text = column("invoice that billed it")
    billed_on: Day = column("billing day")
    billed_on_raw: Text = column("billing day as received")
    seen_in: TextList = column("where the source showed it: order_line, delivery, serials, invoice", required=True)

    Config = table_config("serial_numbers", key=("order_id", "line_key", "serial_number"))

    _seen_in = row_rule(
        "bad_enum",
        "seen_in",
        good=_has_known_serial_sources,
        broken=f"NOT list_has_all({[*SERIAL_SOURCES]}, seen_in) OR len(seen_in) > list_count(seen_in)",
    )
