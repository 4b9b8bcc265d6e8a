"""A search sends what the pipeline asks, in the form of the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from order_pipeline.channels.kibo.query import SearchQuery, can_be_asked_for
from order_pipeline.channels.kibo.settings import KiboSettings

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 3, 2, tzinfo=UTC)


def test_what_is_not_set_is_not_sent() -> None:
    assert SearchQuery(manufacturer_ids=("0012",)).parameters() == {"manufacturerID": "0012", "sortBy": "orderDate"}


def test_times_of_another_zone_are_sent_as_utc() -> None:
    athens = timezone(timedelta(hours=2))
    sent = SearchQuery(manufacturer_ids=("1",), order_dates=(START.astimezone(athens), END)).parameters()
    assert (sent["orderDateStart"], sent["orderDateEnd"]) == ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
    assert "shipDateStart" in SearchQuery(manufacturer_ids=("1",), ship_dates=(START, END)).parameters()


@pytest.mark.parametrize("wrong", ["x", "0", "-4", "", " ", "1,2", "\u0663", "7\n"])
def test_an_id_that_the_api_does_not_take_is_never_asked_for(wrong: str) -> None:
    assert not can_be_asked_for(wrong)
    with pytest.raises(ValidationError, match="manufacturer_ids"):
        KiboSettings(manufacturer_ids=["1", wrong])


@given(st.lists(st.integers(1, 10**12).map(str), min_size=1, max_size=60))
def test_ids_travel_as_one_comma_list_in_order(ids: list[str]) -> None:
    assert all(map(can_be_asked_for, ids))
    assert SearchQuery(manufacturer_ids=("1",), order_ids=ids).parameters()["orderID"].split(",") == ids
