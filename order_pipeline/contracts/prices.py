"""Core tables `prices` and `availability` (docs/apis/common_schema.md 10 and 11): observations, only ever added."""

from __future__ import annotations

from order_pipeline.contracts.base import CoreTable, amounts_need_currency, table_config
from order_pipeline.contracts.enumerations import AVAILABILITY_ORIGINS, PRICE_ORIGINS
from order_pipeline.contracts.types import CURRENCY_PATTERN, Flag, Money, Quantity, Rate, Text, Time, column

LINE_AMOUNTS = ("unit_price", "line_amount")


def _currency(description: str) -> Text:
    return column(description, pattern=CURRENCY_PATTERN, rule_when_unmatched="bad_currency")


class Prices(CoreTable):
    """What a price list answered (`pricing_api`) or what a line was sold at (`order_line`), once per content.

    Text parts of the key that a request did not state are `''`, so that the key is never null.
    """

    origin: Text = column("pricing_api or order_line", required=True, rule_when_null="bad_enum", one_of=PRICE_ORIGINS)
    requested_item: Text = column("item asked for; the line's sku", required=True, rule_when_null="missing_sku")
    part_number_type: Text = column("kind of item number; `order_line` for lines", required=True)
    warehouse: Text = column("warehouse asked for", required=True)
    business_unit: Text = column("business unit asked for", required=True)
    deal_id: Text = column("deal asked for", required=True)
    requested_quantity: Quantity = column("pieces asked for", required=True, rule_when_null="bad_number", at_least=0)
    as_of: Time = column(
        "time of the answer; the order's time for lines", required=True, rule_when_null="bad_timestamp"
    )
    order_id: Text = column("order, for origin order_line")
    line_id: Text = column("order line, for origin order_line")
    unit_price: Money = column("price per unit; null on error or unknown price basis")
    list_price: Money = column("list price; null on error")
    cost: Money = column("cost; null on error, currency not stated")
    line_amount: Money = column("price x quantity; null on error or unknown price basis")
    currency: Text = _currency("currency of unit_price")
    list_price_currency: Text = _currency("currency of list_price")
    line_amount_currency: Text = _currency("currency of line_amount")
    commission_amount: Money = column("platform's commission")
    commission_rate: Rate = column("commission as a fraction")
    price_includes_tax: Flag = column("the price contains tax")
    is_dealer_authorized: Flag = column("we may sell it")
    has_special_price: Flag = column("a special price applies")
    has_special_price_restriction: Flag = column("the special price is restricted")
    special_price_description: Text = column("special price, text")
    restriction_description: Text = column("restriction, text")
    is_error: Flag = column("the answer was an error", required=True, rule_when_null="bad_json")
    error_text: Text = column("the error, as received")

    Config = table_config(
        "prices",
        key=(
            "origin",
            "account",
            "requested_item",
            "part_number_type",
            "warehouse",
            "business_unit",
            "deal_id",
            "requested_quantity",
            "as_of",
            "order_id",
            "line_id",
        ),
        append_only=True,
    )

    _stated_currency = amounts_need_currency(LINE_AMOUNTS)


class Availability(CoreTable):
    """Stock of an item in a warehouse at a moment."""

    warehouse: Text = column("warehouse", required=True)
    item_key: Text = column("item asked for", required=True)
    item_key_type: Text = column("kind of item number", required=True)
    origin: Text = column(
        "pricing or availability", required=True, rule_when_null="bad_enum", one_of=AVAILABILITY_ORIGINS
    )
    as_of: Time = column("time of the answer", required=True, rule_when_null="bad_timestamp")
    quantity_available: Quantity = column("pieces available; null on error", at_least=0)
    quantity_total: Quantity = column("pieces in all; null on error", at_least=0)
    quantity_on_order: Quantity = column("pieces on order; null on error", at_least=0)
    display_text: Text = column("stock as the source words it")
    is_error: Flag = column("the answer was an error", required=True, rule_when_null="bad_json")
    error_text: Text = column("the error, as received")

    Config = table_config(
        "availability", key=("account", "warehouse", "item_key", "item_key_type", "origin", "as_of"), append_only=True
    )
