"""The thirteen demo orders (docs/apis/skroutz.md section 9), as their published bodies are, not as they are described.

A table says how each differs from a plain order. The contents are invented; only what the contract says about each body
is kept.
"""

# ruff: noqa: RUF001  Greek text is Greek text

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from order_pipeline.sandbox.skroutz.orders import (
    FILES,
    Order,
    ask_for_invoice,
    make_fulfilled_by_skroutz,
    make_store_pickup,
    plain_order,
)

_DAY = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)


def demo_orders() -> dict[str, Order]:
    """All demo orders by code; the same ones in every process."""
    orders: dict[str, Order] = {}
    for number, (name, (state, shape)) in enumerate(_SHAPES.items()):
        code = f"DEMO-{name}"
        order = plain_order(random.Random(f"demo:{number}"), code, _DAY + timedelta(minutes=number))  # noqa: S311
        order |= {"state": state, "fees": {}}
        shape(order)
        if state != "open":
            del order["accept_options"], order["reject_options"]
        orders[code] = order
    return orders


def _open(order: Order) -> None:
    first = order["line_items"][0]
    first["size"] = {"label": "Νούμερο", "value": "42", "shop_value": "42", "shop_variation_uid": "V-42"}
    first |= {"shop_variation_uid": "V-42", "extra_info": "Χρώμα: Πράσινο\\nΓραβούρα: Α."}


def _accepted(order: Order) -> None:
    order["courier_voucher"] = f"{FILES}/vouchers/{order['code']}.pdf"
    order["courier_tracking_codes"] = ["900000003"]
    order["uploaded_invoice_file"] = f"{FILES}/uploads/{order['code']}.pdf"


def _rejected(order: Order) -> None:
    order["rejection_info"] = {"reason": "Το κατάστημα είναι κλειστό", "actor": "merchant"}
    del order["fees"]


def _fulfilled_by_skroutz(order: Order) -> None:
    make_fulfilled_by_skroutz(order)
    order["courier_tracking_codes"] = ["900000001"]


def _dispatched_by_skroutz(order: Order) -> None:
    _fulfilled_by_skroutz(order)
    order |= {"fbs_delivery_note": "ΔΑΠ-900", "fbs_delivery_note_url": f"{FILES}/notes/900.pdf"}


def _fees(order: Order) -> None:
    order["fees"] = {"handling_fee": 1.5, "installments_fee": 0.4, "plus_user_fee": 0.2}


def _replacement(order: Order) -> None:
    order |= {"replacements": [{"code": "DEMO-REPLACEMENT-1", "type": "from_service"}], "invoice_details": None}


def _replaced(order: Order) -> None:
    order["replaced_suborder"] = "DEMO-REPLACED-0"


def _return(order: Order) -> None:
    del order["customer"]["address"]["country_code"], order["gift_wrap"]
    order["returns"] = [{"return_uuid": "R-DEMO-1", "tracking_ids": ["900000002"]}]
    order["pickup_window"] = {"from": order["created_at"], "to": order["expires_at"]}


_SHAPES: dict[str, tuple[str, Callable[[Order], None]]] = {
    "OPEN": ("open", _open),
    "ACCEPTED": ("accepted", _accepted),
    "REJECTED": ("rejected", _rejected),
    "INVOICE": ("open", lambda order: ask_for_invoice(order, "invoice")),
    "INVOICE39A": ("open", lambda order: ask_for_invoice(order, "invoice_39a")),
    "INVOICE-VIES": ("accepted", lambda order: ask_for_invoice(order, "invoice_vies")),
    "FBS": ("accepted", _fulfilled_by_skroutz),
    "FBS-DISPATCHED": ("dispatched", _dispatched_by_skroutz),
    "STORE-PICKUP": ("open", make_store_pickup),
    "FEES": ("accepted", _fees),
    "REPLACEMENT": ("accepted", _replacement),
    "REPLACED": ("open", _replaced),
    "RETURN": ("accepted", _return),
}
