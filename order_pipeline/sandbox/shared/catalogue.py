"""The invented products that all channels sell, and where they lie in the warehouse.

One catalogue for every seed: `data/reference/demo_item_locations.csv` is committed and must fit whatever a demo draws.
A product has one barcode and one bin, but another item number in each channel. About 3 % have no usable location, so
that holding an order can be seen. Regenerate the file with
`python -m order_pipeline.sandbox.shared.catalogue data/reference/demo_item_locations.csv`.
"""

from __future__ import annotations

import csv
import io
import random
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

CATALOGUE_SEED = 20260115
PRODUCT_COUNT = 400
SOURCES = ("kibo", "scansource", "skroutz")
COLUMNS = ("source", "sku", "barcode", "bin_location", "warehouse", "product_name")
WAREHOUSES = ("MAIN", "EAST")

Gap = Literal["none", "no_row", "no_barcode", "no_bin"]
_GAP_CYCLE: dict[int, Gap] = {17: "no_row", 67: "no_row", 117: "no_barcode", 167: "no_row", 187: "no_bin"}
_GAP_CYCLE_LENGTH = 200
_MAKES = ("Larkspur", "Norvik", "Quillon", "Brasso", "Tamarind", "Ostrava", "Meltem", "Piccolo")
_KINDS = (
    ("Handheld Scanner", 12900, 48900),
    ("Label Roll 100 x 150", 390, 2900),
    ("Docking Cradle", 4900, 15900),
    ("Spare Battery", 1900, 8900),
    ("USB-C Cable 2 m", 590, 1990),
    ("Receipt Printer", 14900, 39900),
    ("Cash Drawer", 6900, 17900),
    ("Trail Jacket", 4900, 18900),
    ("Running Shoe", 3900, 15900),
    ("Sunglasses", 599, 12900),
    ("Steel Bottle 0.75 l", 990, 3490),
    ("Desk Lamp", 1990, 8990),
    ("Clip & Strap Set", 290, 1290),
    ("Coffee Grinder", 2990, 19990),
)
_FINISHES = ("Black", "Graphite", "White", "Sand", "Olive", "Blue", "Red")


@dataclass(frozen=True, slots=True)
class Product:
    """One product. `price_cents` is its list price in hundredths; `gap` says what its location lacks."""

    number: int
    name: str
    make: str
    part_number: str
    barcode: str
    bin_location: str
    warehouse: str
    price_cents: int
    gap: Gap

    def sku(self, source: str) -> str:
        """Its item number in a channel: Kibo's has zeros in front, ScanSource's is 18 digits, Skroutz's is short text.

        Raises:
            ValueError: for a channel that sells nothing.
        """
        if source == "kibo":
            return f"{self.number * 37 + 1000:07d}"
        if source == "scansource":
            return f"{self.number * 53 + 200_000:018d}"
        if source == "skroutz":
            return f"SK-{self.number + 4000}"
        raise ValueError(f"no catalogue for {source}; there is one for {', '.join(SOURCES)}")


def ean13(twelve_digits: str) -> str:
    """Twelve digits with their EAN-13 check digit."""
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve_digits))
    return f"{twelve_digits}{-weighted % 10}"


@cache
def catalogue() -> tuple[Product, ...]:
    """All products, the same ones in every process."""
    return tuple(_product(number, random.Random(f"{CATALOGUE_SEED}:{number}")) for number in range(PRODUCT_COUNT))  # noqa: S311


def _product(number: int, draw: random.Random) -> Product:
    kind, low, high = _KINDS[number % len(_KINDS)]
    make = draw.choice(_MAKES)
    prefix = "00" if number % 9 == 0 else "52" if number % 3 else "40"
    return Product(
        number=number,
        name=f"{make} {kind} {draw.choice(_FINISHES)}",
        make=make,
        part_number=f"{make[:2].upper()}-{draw.randrange(1000, 9999)}-{number:03d}",
        barcode=ean13(f"{prefix}{draw.randrange(10**6):06d}{number:04d}"),
        bin_location=f"{draw.choice('ABCDEF')}-{draw.randrange(1, 40):02d}-{draw.randrange(1, 9):02d}",
        warehouse=WAREHOUSES[0] if draw.random() < 0.8 else WAREHOUSES[1],
        price_cents=draw.randrange(low, high),
        gap=_GAP_CYCLE.get(number % _GAP_CYCLE_LENGTH, "none"),
    )


def item_locations_csv() -> str:
    """The reference file's text: one row per channel and product that has a row, barcodes as text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for source in SOURCES:
        for product in catalogue():
            if product.gap == "no_row":
                continue
            barcode = "" if product.gap == "no_barcode" else product.barcode
            place = "" if product.gap == "no_bin" else product.bin_location
            writer.writerow((source, product.sku(source), barcode, place, product.warehouse, product.name))
    return text.getvalue()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(item_locations_csv(), encoding="utf-8")
