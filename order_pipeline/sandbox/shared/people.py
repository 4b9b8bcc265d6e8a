"""Invented buyers and places for all channels: many scripts, reserved mail domains, numbers that do not exist.

Names are plain Unicode; a channel that stores them otherwise (entities, upper case) changes them itself.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

FIRST_NAMES = (
    "Ada", "Bram", "Carla", "Dinah", "Emil", "Fiona", "Goran", "Hana", "Iris", "Jonas", "José", "Zoë", "Renée",
    "Søren", "Παναγιώτης", "Ελένη", "Дарья", "Łucja", "Ağa", "美咲",
)  # fmt: skip
LAST_NAMES = (
    "Example", "Sample", "Fields", "Brook", "Ashdown", "Merriweather", "Ó Faoláin", "Núñez", "Müller", "Żak",
    "Παπαδάκης", "Γεωργίου", "Иванова", "Šimić", "Çelik", "佐藤", "O'Hara", "van der Test",
)  # fmt: skip
STREETS = ("Mill Lane", "Harbour Street", "Long Acre", "Οδός Ερμού", "Rue de l'Étoile", "Park Row", "Station Road")
MAIL_DOMAINS = ("example.com", "example.org", "example.net")


@dataclass(frozen=True, slots=True)
class Place:
    """A town with what an address and a tax need; `tax_rate` is a fraction in millionths."""

    city: str
    region: str
    postal_code: str
    country: str
    latitude: float
    longitude: float
    tax_millionths: int


PLACES: dict[str, tuple[Place, ...]] = {
    "USD": (
        Place("San Luis Obispo", "CA", "93401", "US", 35.2595, -120.653, 80130),
        Place("Portland", "OR", "97201", "US", 45.51, -122.68, 0),
        Place("Boston", "MA", "02108", "US", 42.357, -71.06, 62500),
        Place("Austin", "TX", "78701", "US", 30.27, -97.74, 82500),
    ),
    "CAD": (
        Place("Montréal", "QC", "H2Y 1C6", "CA", 45.5, -73.55, 149750),
        Place("Calgary", "AB", "T2P 1J9", "CA", 51.05, -114.07, 50000),
    ),
    "EUR": (
        Place("Αθήνα", "Αττική", "10563", "GR", 37.98, 23.73, 240000),
        Place("Łódź", "", "90-001", "PL", 51.76, 19.46, 230000),
        Place("Dublin", "", "D02 X285", "IE", 53.35, -6.26, 230000),
    ),
}


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who ordered and where it goes."""

    first_name: str
    last_name: str
    email: str
    phone: str
    street: str
    place: Place


def draw_buyer(draw: random.Random, currency: str) -> Buyer:
    """A buyer from a country that pays in `currency`."""
    number = draw.randrange(10_000)
    return Buyer(
        first_name=draw.choice(FIRST_NAMES),
        last_name=draw.choice(LAST_NAMES),
        email=f"buyer{number}@{draw.choice(MAIL_DOMAINS)}",
        phone=f"555-01{number % 100:02d}",
        street=f"{number % 250 + 1} {draw.choice(STREETS)}",
        place=draw.choice(PLACES[currency]),
    )
