"""The retry policy is data; its rules hold for every header and every try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.http.retry import RetryPolicy, parse_retry_after

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@given(st.integers(min_value=1, max_value=10**9))
def test_seconds_are_read_as_seconds(seconds: int) -> None:
    assert parse_retry_after(f" {seconds} ", NOW) == seconds


@given(st.integers(min_value=1, max_value=10**6))
def test_a_date_ahead_is_the_time_until_it(seconds: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(header, NOW) == seconds


@given(st.integers(min_value=0, max_value=10**6))
def test_zero_less_and_dates_gone_by_are_no_hint(seconds: int) -> None:
    assert parse_retry_after(str(-seconds), NOW) is None
    assert parse_retry_after(format_datetime(NOW - timedelta(seconds=seconds), usegmt=True), NOW) is None


@pytest.mark.parametrize("header", [None, "", "soon", "nan", "inf", "-inf", "1e999", "Fri, 99 Xyz 2026", "12 seconds"])
def test_what_cannot_be_read_is_no_hint(header: str | None) -> None:
    assert parse_retry_after(header, NOW) is None


@given(st.text())
def test_no_header_breaks_the_reading(header: str) -> None:
    wait = parse_retry_after(header, NOW)
    assert wait is None or wait > 0


@given(
    attempt=st.integers(min_value=1, max_value=10_000),
    hint=st.none() | st.floats(min_value=-10, max_value=1e12),
    share=st.floats(min_value=0, max_value=1),
)
def test_a_wait_has_full_jitter_follows_the_hint_and_never_passes_the_cap(
    attempt: int, hint: float | None, share: float
) -> None:
    policy = RetryPolicy(base_seconds=0.5, cap_seconds=30.0)
    wait = policy.wait_seconds(attempt, hint, uniform=lambda low, high: low + (high - low) * share)
    assert 0 <= wait <= 30.0
    if hint is not None and hint > 0:
        assert wait >= min(hint, 30.0)
    elif share == 0:
        assert wait == 0
