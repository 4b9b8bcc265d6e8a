"""How the fake ScanSource may misbehave: what docs/apis/scansource.md leaves open or warns of.

A test or the control area turns them on a running fake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ScanSourceSwitches:
    """The defaults are the documented behaviour; everything else is a variant that a client must bear."""

    page_size_cap: int = 1000
    end_of_pages: Literal["empty_array", "empty_body"] = "empty_array"
    to_date_excluded: bool = False
    date_filter_ignored: bool = False
    unknown_order: Literal["not_found", "empty_body"] = "not_found"
    quota_calls: int | None = None
    quota_period_seconds: int = 3600
    requests_per_second: int | None = None
    retry_after_header: bool = True
    token_lifetime_seconds: int = 3600
    deliveries_absent: bool = False
    excluded_as: Literal["absent", "null", "empty"] = "absent"
    misspelt_invoice_numbers: bool = False
    invoice_numbers_as_text: bool = False
    cancelled_with_one_l: bool = False
    detail_without_leading_zeros: bool = False
    numbers_as_text: bool = False
    shuffle_arrays: bool = False
    pricing_wrapper: Literal["none", "items", "Lines", "list_of_Lines"] = "none"
