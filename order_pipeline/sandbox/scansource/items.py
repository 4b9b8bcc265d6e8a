"""What the fake distributor sells: items with prices, agreements, stock and faults. All values are made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from order_pipeline.sandbox.shared.catalogue import Product


@dataclass(frozen=True, slots=True)
class DistributorItem:
    """One article of the distributor: the number that partners use and SAP's material number behind it."""

    item_number: str
    material_number: str
    manufacturer_part: str
    manufacturer: str
    description: str
    list_price: Decimal
    partner_price: Decimal
    special_price: Decimal | None = None
    special_price_restricted: bool = False
    pricing_error: str | None = None
    serialised: bool = False
    stock: int = 25


def make_items(products: Sequence[Product], seed: int) -> list[DistributorItem]:
    """The catalogue as this distributor sells it; agreements, stock and faults follow from the seed."""
    return [_make_item(product, draw(f"{seed}:scansource-item:{product.number}")) for product in products]


def draw(seed: str) -> Random:
    """Numbers that the seed alone decides."""
    return Random(seed)  # noqa: S311 - invented data, no secret


def _make_item(product: Product, random: Random) -> DistributorItem:
    list_price = Decimal(product.price_cents) / 100
    partner_price = (list_price * Decimal("0.82")).quantize(Decimal("0.01"))
    has_agreement = random.random() < 0.3
    return DistributorItem(
        item_number=product.sku("scansource"),
        material_number=f"{700_000 + product.number:018d}",
        manufacturer_part=product.part_number,
        manufacturer=product.make,
        description=product.name,
        list_price=list_price,
        partner_price=partner_price,
        special_price=(partner_price * Decimal("0.9")).quantize(Decimal("0.01")) if has_agreement else None,
        special_price_restricted=has_agreement and random.random() < 0.5,
        pricing_error="Item is not sold in this sales area" if random.random() < 0.02 else None,
        serialised=random.random() < 0.4,
        stock=random.choice((0, 3, 25, 140)),
    )
