"""How a Kibo order looks at a moment: the documented 37 order, 36 shipment and 23 item keys as JSON bytes.

Money is whole or decimal, mixed as in the documented sample; text is latin-1 with XHTML entities; ids are numbers or
strings by switch. The identities of the sample hold for every price basis (docs/apis/kibo.md section 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from order_pipeline.sandbox.kibo.orders import LOCATIONS, SHIP_TYPES, Line, Order, Shipment, State
from order_pipeline.sandbox.kibo.values import PayloadSwitches, amount, entity_text, order_status, stamp, status_text

PLATFORM_FEE_CENTS = 190
PACKAGE_FEE_CENTS = 129
CONDENSED_AWAY = ("shipments", "orderItems", "shippingAddressInformation", "capabilities", "restrictions")
_STATE_CODES: dict[State, tuple[str, str]] = {
    "READY": ("4-100", "accept_order"),
    "BACKORDER": ("4-050", "backorder"),
    "CANCELLED": ("4-000", "cancel"),
    "SHIPPED": ("4-900", "complete_package"),
}
_ALLOWED = (
    "DUPLICATE_ORDER CANCEL_SHIPMENT REASSIGN_SHIPMENT BACKORDER_SHIPMENT REASSIGN_ITEM BACKORDER_ITEM CANCEL_ITEM "
    "ADD_ITEM INCREASE_ITEM_QUANTITY DECREASE_ITEM_QUANTITY INCREASE_ITEM_PRICE DECREASE_ITEM_PRICE INCREASE_ITEM_TAX "
    "DECREASE_ITEM_TAX OFFER_APPEASEMENT ADD_PROMOTION EDIT_CONSUMER_NAME EDIT_CONSUMER_EMAIL "
    "EDIT_CONSUMER_PHONE_NUMBER EDIT_CONSUMER_BILLING_ADDRESS ADD_PAYMENT_METHOD_CREDIT_CARD "
    "ADD_PAYMENT_METHOD_GIFT_CARD ADD_NOTE VIEW_RESTRICTED_NOTE ORDER_ROUTING_LOGS ORDER_SNAPSHOTS"
)
_FORBIDDEN = (
    "AUTO_ASSIGN_ORDER AUTO_ASSIGN_SHIPMENT INCREASE_SHIPPING_AND_HANDLING DECREASE_SHIPPING_AND_HANDLING "
    "VIEW_TRACKING_INFORMATION ADD_TRACKING_TO_SHIPMENT EDIT_TRACKING_NUMBER DELETE_TRACKING_NUMBER AUTO_ASSIGN_ITEM "
    "EDIT_CONSUMER_SHIPPING_ADDRESS CANCEL_ORDER UNCANCEL_ORDER REASSIGN_ORDER UNCANCEL_SHIPMENT UNFULFILL_SHIPMENT "
    "UNCANCEL_ITEM RETURN_ITEM PROCESS_RETURN"
)
ALLOWED = msgspec.Raw(msgspec.json.encode(_ALLOWED.split()))
FORBIDDEN = msgspec.Raw(msgspec.json.encode(_FORBIDDEN.split()))


def render(order: Order, now: datetime, switches: PayloadSwitches) -> bytes:
    """The order as one JSON object, as the API would show it at `now`."""
    return msgspec.json.encode(_OrderWriter(order, now, switches).order())


class _OrderWriter:
    """Builds one order's JSON value; numbers that several keys share are worked out once."""

    def __init__(self, order: Order, now: datetime, switches: PayloadSwitches) -> None:
        self._order = order
        self._now = now
        self._switches = switches
        self._lean = switches.size == "lean"
        self._shown = [shipment for shipment in order.shipments if shipment.created_at <= now]
        self._address = msgspec.Raw(msgspec.json.encode(self._address_value()))

    def _id(self, number: int) -> int | str:
        return number if self._switches.ids == "numbers" else str(number)

    def _capabilities(self, *, of_item: bool) -> tuple[Any, Any]:
        """The codes of what may and may not be done; lean records have few of them."""
        if not self._lean:
            return ALLOWED, FORBIDDEN
        return ([], []) if of_item else (ALLOWED, [])

    def order(self) -> dict[str, Any]:
        """The order object."""
        order, switches = self._order, self._switches
        status = order_status(order, self._now, switches)
        goods, tax = self._sums(self._counted_parts())
        total = amount(goods + tax)
        subtotal = amount(goods)
        value: dict[str, Any] = {
            "orderID": self._id(order.order_id),
            "orderType": self._order_type(),
            "isTestOrder": order.is_test,
            "deliveryMethod": "IN_STORE_PICKUP" if order.in_store_pickup else "SHIP_TO_HOME",
            "orderCurrency": order.currency,
            "orderDate": stamp(order.created_at),
            "orderState": status,
            "orderStatus": status,
            "customerSubtotal": subtotal,
            "subtotal": subtotal,
            "estimatedShipping": 0,
            "customerTotal": total,
            "customerTotalNet": subtotal,
            "total": total,
            "singlePackageRequested": False,
            "shippingAddress": self._address_id(),
            "shippingAddressInformation": self._address,
            "fraud": order.fraud_score,
            "fraudLock": order.fraud_lock,
            "tax": {"orderTax": amount(tax), "shippingTax": 0, "totalTax": amount(tax)},
            "externalOrderID": order.external_id,
            "manufacturerID": self._id(order.manufacturer),
            "catalogID": 0,
            "customerID": order.customer_id,
            "customer": self._customer(),
            "shipments": [self._shipment(shipment) for shipment in self._shown],
            "customData": {},
            "orderManagementFee": amount(PLATFORM_FEE_CENTS),
            "shipType": order.ship_type,
            "ipAddress": f"192.0.2.{order.order_id % 250 + 1}",
            "capabilities": ALLOWED,
            "restrictions": FORBIDDEN,
            "isInventory": True,
            "isGift": order.is_gift,
            "isExternalPayment": False,
            "discounts": [],
            "orderReferences": {},
        }
        if switches.items_in != "shipments" or not self._shown:
            value["orderItems"] = [self._item(line, line.quantity, None) for line in order.lines]
        if not self._shown and order.order_id % 2:
            del value["shipments"]  # missing and empty mean the same
        if order.loyalty_tier:
            value["loyaltyTier"] = order.loyalty_tier
        return value

    def _order_type(self) -> str:
        return "ISPU" if self._order.in_store_pickup else "STANDARD"

    def _counted_parts(self) -> list[tuple[Line, int]]:
        """What the order's totals count: shipments whose items were not moved elsewhere, or all lines if unassigned."""
        kept = [part for shipment in self._shown if not shipment.moved_away for part in shipment.parts]
        return kept or [(line, line.quantity) for line in self._order.lines]

    def _line_money(self, line: Line, quantity: int) -> tuple[int, int]:
        """Goods and tax of a part of a line, in hundredths."""
        goods = line.unit_cents * quantity
        if quantity == line.quantity and self._switches.prices != "both_unit":
            goods -= line.discount_cents
        return goods, self._tax(goods)

    def _tax(self, cents: int) -> int:
        return (cents * self._order.buyer.place.tax_millionths + 500_000) // 1_000_000

    def _sums(self, parts: Sequence[tuple[Line, int]]) -> tuple[int, int]:
        goods = tax = 0
        for line, quantity in parts:
            line_goods, line_tax = self._part_money(line, quantity)
            goods += line_goods
            tax += line_tax
        return goods, tax

    def _part_money(self, line: Line, quantity: int) -> tuple[int, int]:
        """As `_line_money`, but with the tax of one unit times the quantity where the basis is per unit."""
        if self._switches.prices == "both_unit":
            return line.unit_cents * quantity, self._tax(line.unit_cents) * quantity
        return self._line_money(line, quantity)

    def _shipment(self, shipment: Shipment) -> dict[str, Any]:
        order, switches = self._order, self._switches
        state = shipment.state_at(self._now) or "READY"
        code, name = _STATE_CODES[state]
        goods, tax = self._sums(shipment.parts)
        capabilities, restrictions = self._capabilities(of_item=False)
        ready_at = shipment.time_of("READY")
        pickup = order.in_store_pickup
        inside = switches.items_in != "orderItems"
        value: dict[str, Any] = {
            "shipmentID": self._id(shipment.shipment_id),
            "orderID": self._id(order.order_id),
            "manufacturerID": self._id(order.manufacturer),
            "externalOrderID": order.external_id,
            "catalogID": 0,
            "shipmentStatus": status_text(state, switches, two_l=True),
            "shipmentStateCode": code,
            "shipmentStateName": name,
            "shipmentStateType": "ISPU" if pickup else "STH",
            "shipType": order.ship_type,
            "packingListLink": f"https://packing.example.com/list/{shipment.shipment_id}",
            "assignedLocation": shipment.location,
            "shipperName": LOCATIONS[shipment.location],
            "shippingAddress": self._address_id(),
            "shippingAddressInformation": self._address,
            "items": [self._item(line, count, shipment) for line, count in shipment.parts] if inside else [],
            "orderType": self._order_type(),
            "createDate": stamp(shipment.created_at),
            "orderDate": stamp(order.created_at),
            "subtotal": amount(goods),
            "total": amount(goods + tax),
            "shippingFee": 0,
            "shippingTax": 0,
            "shippingTaxRate": 0.196,
            "shipmentItemTax": amount(tax),
            "shopatronTotal": amount(PLATFORM_FEE_CENTS),
            "packageFee": amount(PACKAGE_FEE_CENTS),
            "fulfillerTotal": amount(goods + tax - PLATFORM_FEE_CENTS),
            "fulfillerShipping": 0,
            "fulfillerTax": amount(max(0, tax - 3)),
            "readyDate": stamp(ready_at) if ready_at and ready_at <= self._now else None,
            "isLate": state == "BACKORDER",
            "capabilities": capabilities,
            "restrictions": restrictions,
            "isGift": order.is_gift,
            "isTestOrder": order.is_test,
        }
        if switches.tracking == "present" and state == "SHIPPED":
            value["trackingInformation"] = [self._tracking(shipment)]
        return value

    def _tracking(self, shipment: Shipment) -> dict[str, Any]:
        transit = 5 - SHIP_TYPES.index(self._order.ship_type)
        value: dict[str, Any] = {
            "trackingNumber": shipment.tracking_number,
            "deliveryType": self._order.ship_type,
            "carrierType": shipment.carrier,
            "transitTime": transit,
        }
        if shipment.carrier == "Other":
            value["carrierTypeOther"] = "Mill Lane Couriers"
        return value

    def _item(self, line: Line, quantity: int, shipment: Shipment | None) -> dict[str, Any]:
        basis = self._switches.prices
        goods, tax = self._line_money(line, quantity)
        actual = goods if basis == "line" else line.unit_cents
        if basis == "both_unit":
            goods, tax = line.unit_cents, self._tax(line.unit_cents)
        cancelled = line.cancelled_at is not None and line.cancelled_at <= self._now
        capabilities, restrictions = self._capabilities(of_item=True)
        product = line.product
        shows_discount = basis == "unit" and quantity == line.quantity
        return {
            "orderItemID": self._id(line.item_id),
            "itemState": status_text("CANCELLED", self._switches, two_l=False) if cancelled else "NORMAL",
            "orderID": self._id(self._order.order_id),
            "shipmentID": self._id(shipment.shipment_id) if shipment else None,
            "manufacturerID": self._id(self._order.manufacturer),
            "partNumber": product.part_number,
            "sku": product.sku("kibo"),
            "description": entity_text(product.name),
            "quantity": quantity,
            "subtotal": amount(goods),
            "subtotalTaxAmount": amount(tax),
            "subtotalGross": amount(goods + tax),
            "retailPrice": amount(product.price_cents),
            "mfgOfferPrice": amount(line.unit_cents),
            "lineDiscount": amount(line.discount_cents) if shows_discount else 0,
            "shipping": 5,
            "actualPrice": amount(actual),
            "actualPriceTaxAmount": amount(self._tax(actual)),
            "taxRate": self._order.buyer.place.tax_millionths / 1_000_000,
            "customData": {"image_url": "", "product code": product.barcode},
            "capabilities": capabilities,
            "restrictions": restrictions,
            "discounts": [],
        }

    def _address_id(self) -> str:
        return str(4_000_000 + self._order.order_id % 1_000_003)

    def _address_value(self) -> dict[str, Any]:
        order = self._order
        buyer, place = order.buyer, order.buyer.place
        return {
            "addressID": self._address_id(),
            "customerID": order.customer_id,
            "firstName": entity_text(buyer.first_name),
            "lastName": entity_text(buyer.last_name),
            "addressLine1": entity_text(buyer.street),
            "phone": buyer.phone,
            "city": entity_text(place.city),
            "state": entity_text(place.region),
            "postalCode": place.postal_code,
            "countryCode": place.country,
            "fraudLock": order.address_locked,
            "active": True,
            "latitude": place.latitude,
            "longitude": place.longitude,
            "isBilling": False,
            "isShipping": False,
        }

    def _customer(self) -> dict[str, str]:
        order = self._order
        return {
            "customerID": order.customer_id,
            "firstName": entity_text(order.buyer.first_name),
            "lastName": entity_text(order.buyer.last_name),
            "email": order.buyer.email,
            "password": f"masked-{order.customer_id}",
            "phone1": order.buyer.phone,
            "active": "ACTIVE",
        }
