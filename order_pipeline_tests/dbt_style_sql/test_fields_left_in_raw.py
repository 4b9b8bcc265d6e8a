"""The coverage page decides on every documented key: it is read into core, or stands there with the reason why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline_tests.dbt_style_sql.json_fields import fields_left_in_raw, known_fields

PAGE = Path(__file__).parents[2] / "docs/apis/coverage.md"
TITLES = {"kibo": "Kibo", "scansource": "ScanSource", "skroutz": "Skroutz"}


def reasons(channel: str) -> dict[str, str]:
    """Field -> reason, of the channel's table; a field that stands there twice fails."""
    part = PAGE.read_text(encoding="utf-8").split(f"### Fields of {TITLES[channel]}\n")[1].split("\n### ")[0]
    found: dict[str, str] = {}
    for fields, reason in re.findall(r"^\| (`.*?) \| (.*) \|$", part, re.MULTILINE):
        for field in re.findall(r"`([^`]+)`", fields):
            assert field.casefold() not in found, f"{field} stands twice"
            found[field.casefold()] = reason
    return found


@pytest.mark.parametrize("channel", TITLES)
def test_every_documented_key_is_read_or_has_its_reason(channel: str) -> None:
    assert set(reasons(channel)) == fields_left_in_raw(SqlProject(), channel)
    assert all(reasons(channel).values())


@pytest.mark.parametrize(
    ("channel", "field", "is_read"),
    [
        ("kibo", "shipments.packinglistlink", True),
        ("kibo", "shippingaddressinformation.phone", True),
        ("kibo", "shipments.shippingaddressinformation.phone", False),
        ("skroutz", "order.customer.address.floor", True),
        ("skroutz", "order.invoice_details.doy", True),
        ("skroutz", "order.courier_voucher", False),
        ("scansource", "deliveries.parcels.cartonnumber", True),
        ("scansource", "dealinfos", False),
    ],
)
def test_what_is_read_is_told_from_what_is_not(channel: str, field: str, is_read: bool) -> None:
    project = SqlProject()
    assert field in known_fields(project, channel)
    assert (field not in fields_left_in_raw(project, channel)) == is_read
