"""Reference data contract: `reference.item_locations`, where an item lies and which barcode the picker scans."""

from __future__ import annotations

from typing import Any

import pandera.pandas as pandera
from pandera.api.pandas.model_config import BaseConfig

from order_pipeline.contracts.types import Text, column


class ItemLocations(pandera.DataFrameModel):
    """One row per bin of an item of a source, from data/reference/*.csv.

    `barcode` is text: leading zeros are part of it. A row without barcode or bin location is allowed; picking holds
    the orders that need it. An item has one row, or one for each floor, or several bins with a priority each.
    """

    source: Text = column("channel whose item numbers these are", required=True, names_source=True)
    sku: Text = column("item number at that channel", required=True)
    barcode: Text = column("what the picker scans, leading zeros kept")
    bin_location: Text = column("where the item lies")
    warehouse: Text = column("building")
    product_name: Text = column("name shown to the picker")
    not_stocked: Text = column(
        "true or yes: no thing on a shelf (a gift card, a service, the parent of a bundle): the rest of "
        "an order goes without it",
        pattern=r"^([Tt]rue|TRUE|[Yy]es|YES|[Ff]alse|FALSE|[Nn]o|NO)$",
    )

    floor: Text = column("floor where it lies there; empty: every floor that has no row of its own for the item")
    priority: Text = column(
        "whole number, where an item has several bins at a floor: the lowest is where the picker is sent to",
        pattern=r"^[0-9]{1,4}$",
        rule_when_unmatched="bad_number",
    )

    class Config(BaseConfig):
        """Table name and key; `unique` makes a second row of the same bin of an item an error."""

        name = "item_locations"
        strict = True
        unique = ["source", "sku", "floor", "priority"]  # noqa: RUF012
        metadata: dict[str, Any] | None = {"key": ("source", "floor", "priority", "sku")}  # noqa: RUF012
