"""How a Skroutz order looks: the order object of docs/apis/skroutz.md section 5, made from a seed.

Here is an order as it is made; `life.py` says what happens to it. Every name, number and code is invented.
"""

# ruff: noqa: RUF001  Greek text is Greek text

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from order_pipeline.sandbox.shared.catalogue import Product, catalogue
from order_pipeline.sandbox.shared.people import FIRST_NAMES, LAST_NAMES

Order = dict[str, Any]

ATHENS = ZoneInfo("Europe/Athens")
FILES = "http://files.invalid"
"""Stands for the fake's own address in file URLs until it is known (see `skroutz.py`)."""

COURIERS = ("Skroutz Last Mile", "ACS", "Speedex", "CourierCenter", "Geniki Taxydromiki")
PAYMENTS = ("card", "Card", "cash_on_delivery", "iris", "wallet", "edenred")
LOCATIONS = (
    {"id": "wh4Rn8Qz1a", "label": "Αποθήκη Α, Λεωφόρος Κηφισού 10, Τ.Κ. 12131, Περιστέρι, Αττική"},
    {"id": "st7Lk2Px9b", "label": "Κατάστημα, Εγνατία 5, Τ.Κ. 54624, Θεσσαλονίκη, Θεσσαλονίκη"},
)
REASONS: dict[int, tuple[str, bool]] = {
    1: ("Εκτός αποθέματος", False),
    2: ("Λάθος τιμή", False),
    4: ("Περιορισμένα τεμάχια", True),
    5: ("Καταργήθηκε", False),
}
PLACES = (("10563", "Αθήνα", "Αττικής"), ("54624", "Θεσσαλονίκη", "Θεσσαλονίκης"), ("85100", "Ρόδος", "Δωδεκανήσου"))
_SIZES = (("Νούμερο", "42"), ("Μέγεθος", "L"), ("Ηλικία", "14 χρονών"))
_ID_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def athens_text(moment: datetime) -> str:
    """A time as Skroutz writes it: local, whole seconds, with the offset of that day."""
    return moment.astimezone(ATHENS).isoformat(timespec="seconds")


def euros(cents: int) -> int | float:
    """An amount as a JSON number, whole euros without decimals (both occur)."""
    return cents // 100 if cents % 100 == 0 else cents / 100


def opaque_id(draw: random.Random) -> str:
    """Ten characters that mean nothing."""
    return "".join(draw.choices(_ID_ALPHABET, k=10))


def draw_order(draw: random.Random, code: str, created_at: datetime) -> Order:
    """A new order in state `open`, with the variety that the contract describes."""
    order = plain_order(draw, code, created_at)
    kind = draw.random()
    chosen = next((make for share, make in _KINDS if kind < share), None)
    if chosen:
        chosen(order)
    if draw.random() < 0.06:
        order["gift_wrap"] = True
    elif draw.random() < 0.1:
        del order["gift_wrap"]
        order["custom"] = "[GIFT-WRAP]"
    return order


def plain_order(draw: random.Random, code: str, created_at: datetime) -> Order:
    """An open order, shipped to a home, paid by card or not, with one to four lines."""
    zip_code, city, region = draw.choice(PLACES)
    payment = draw.choice(PAYMENTS)
    lines = [draw_line(draw, product) for product in draw.sample(catalogue(), draw.choice((1, 1, 1, 2, 2, 3, 4)))]
    order: Order = {
        "code": code,
        "state": "open",
        "customer": {
            "id": opaque_id(draw),
            "first_name": draw.choice(FIRST_NAMES),
            "last_name": draw.choice(LAST_NAMES),
            "address": {
                "street_name": "Ερμού",
                "street_number": str(draw.randrange(1, 90)),
                "zip": zip_code,
                "city": city,
                "region": region,
                "country_code": "GR",
                "pickup_from_collection_point": False,
            },
        },
        "invoice": False,
        "invoice_document": "receipt",
        "uploaded_invoice_file": None,
        "comments": draw.choice(("", "", "", "Παράδοση στο γραφείο", "2ος όροφος\nχτυπήστε δυνατά")),
        "courier": draw.choice(COURIERS),
        "courier_voucher": None,
        "courier_tracking_codes": [],
        "line_items": lines,
        "created_at": athens_text(created_at),
        "expires_at": athens_text(created_at + timedelta(hours=24)),
        "dispatch_until": athens_text(created_at + timedelta(hours=48)),
        "express": False,
        "gift_wrap": False,
        "fulfilled_by_skroutz": False,
        "fbs_delivery_note": None,
        "fbs_delivery_note_url": None,
        "store_pickup": False,
        "commission": round(sum(line["commission"] for line in lines), 2),
        "fees": draw.choice(({}, {}, {"skroutz_coins_fee": 0.12}, {"handling_fee": 1.5, "installments_fee": 0.4})),
        "paid_by_user": payment != "cash_on_delivery",
        "payment_method": payment,
    }
    offer_choices(order, created_at)
    return order


def draw_line(draw: random.Random, product: Product) -> dict[str, Any]:
    """A line of one product; a sized one names the product's variation as the item to pick."""
    quantity = draw.choice((1, 1, 1, 1, 2, 2, 3))
    cents, rate = product.price_cents, draw.choice((8.34, 9.28, 10.5))
    line: dict[str, Any] = {
        "id": opaque_id(draw),
        "shop_uid": product.sku("skroutz"),
        "product_name": product.name,
        "quantity": quantity,
        "unit_price": euros(cents),
        "total_price": euros(cents * quantity),
        "price_includes_vat": True,
        "commission": round(cents * quantity * rate / 10_000, 2),
        "commission_rate": rate,
        "island_vat_discount_applied": False,
        "serial_numbers": None,
    }
    if draw.random() < 0.5:
        line["ean"] = product.barcode
    if draw.random() < 0.2:
        label, value = draw.choice(_SIZES)
        variation = line["shop_uid"]
        line |= {"shop_uid": f"P-{variation}", "shop_variation_uid": variation}
        line["size"] = {"label": label, "value": value, "shop_value": value, "shop_variation_uid": variation}
        line["size"]["ean"] = product.barcode
    if draw.random() < 0.08:
        line["extra_info"] = draw.choice(("Χρώμα: Πράσινο\\nΓραβούρα: Ν.Π.", "Χρώμα: Μπλε\nΓραβούρα: Α."))
    if draw.random() < 0.4:
        line["tags"] = draw.choice((["plus_deal"], ["coupon_deal", "price_optimizer"], ["cc_installments"]))
    return line


def offer_choices(order: Order, now: datetime) -> None:
    """What an open order offers: locations and windows to accept with, reasons to reject with."""
    local = now.astimezone(ATHENS)
    windows = [
        {"id": number + 1, "label": f"{start}:00 - {start + 3}:00, {(local + timedelta(days=day)):%d/%m/%y}"}
        for number, (day, start) in enumerate(((0, 15), (1, 10), (1, 12), (1, 15), (4, 10)))
    ]
    order["accept_options"] = {
        "number_of_parcels": [1, 2, 3],
        "pickup_location": [dict(location) for location in LOCATIONS],
        "pickup_window": [] if order["store_pickup"] else windows,
    }
    order["reject_options"] = {
        "line_item_rejection_reasons": [
            {"id": number, "label": label, "requires_available_quantity": needs_quantity}
            for number, (label, needs_quantity) in REASONS.items()
        ]
    }


def make_fulfilled_by_skroutz(order: Order) -> None:
    """From Skroutz's own warehouse: accepted from the start, nothing for the shop to do."""
    order["fulfilled_by_skroutz"] = True
    order["fees"] = {**order["fees"], "fbs_fee": 1.2}


def make_store_pickup(order: Order) -> None:
    """The buyer comes to the shop: no courier, no dispatch time, no pickup window."""
    order |= {"store_pickup": True, "courier": None, "dispatch_until": None}
    order["accept_options"]["pickup_location"] = [dict(LOCATIONS[1])]
    order["accept_options"]["pickup_window"] = []


def make_collection_point(order: Order) -> None:
    """To a locker: the home address is empty text."""
    address = order["customer"]["address"]
    address |= {"street_name": "", "street_number": "", "zip": "", "city": "", "region": "", "country_code": ""}
    address |= {"pickup_from_collection_point": True, "collection_point_address": "Skroutz Point 77, Πειραιώς 3, Αθήνα"}


def ask_for_invoice(order: Order, document: str) -> None:
    """An invoice on a company: plain, without VAT by article 39a, or to another EU country (VIES)."""
    details: dict[str, Any] = {
        "company": "Δοκιμή ΑΕ",
        "profession": "Εμπόριο",
        "vat_number": "DE999999990" if document == "invoice_vies" else "099999990",
        "doy": "Α Αθηνών",
        "address": {
            "street_name": "Σταδίου",
            "street_number": "9",
            "zip": "10562",
            "city": "Αθήνα",
            "region": "Αττικής",
        },
        "vat_exclusion_requested": document != "invoice",
    }
    if document == "invoice_39a":
        details["vat_exclusion_verification_method"] = "service"
        details["vat_exclusion_representative"] = {
            "id_type": "ΑΤ Αστυνομική Ταυτότητα",
            "id_number": "00099",
            "otp": "909090",
            "mobile": "6900000000",
        }
    if document != "invoice":
        order["line_items"][0]["price_includes_vat"] = False
    order |= {"invoice": True, "invoice_document": document, "invoice_details": details}
    order["customer"] |= {"phone": "2100000000", "mobile": "(+30) 6900000000"}


def _make_express(order: Order) -> None:
    order["express"] = True


def _make_replacement(order: Order) -> None:
    order["replaced"] = f"{order['code'][:7]}9{order['code'][8:]}"


# Shares of all orders, added up.
_KINDS: tuple[tuple[float, Callable[[Order], None]], ...] = (
    (0.03, make_fulfilled_by_skroutz),
    (0.08, _make_express),
    (0.13, make_store_pickup),
    (0.17, make_collection_point),
    (0.24, lambda order: ask_for_invoice(order, "invoice")),
    (0.26, lambda order: ask_for_invoice(order, "invoice_39a")),
    (0.27, lambda order: ask_for_invoice(order, "invoice_vies")),
    (0.30, _make_replacement),
)
