"""A walk sees every item once, asks for no page in vain, and is complete only with proof."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.http.errors import PagingError
from order_pipeline.http.pagination import NumberedPages, Walk

PAGING = NumberedPages(size=10)
Fetch = Callable[[int], list[int]]


async def consume(walk: Walk, page_of: Fetch, *, total: int | None, ahead: int = 4) -> tuple[list[int], list[int], int]:
    """The items seen, the pages asked for, and the most pages under way at once."""
    seen: dict[int, None] = {}
    asked: list[int] = []
    under_way = most = 0

    async def fetch(number: int) -> list[int]:
        nonlocal under_way, most
        asked.append(number)
        under_way += 1
        most = max(most, under_way)
        for _ in range(3):
            await asyncio.sleep(0)
        under_way -= 1
        return page_of(number)

    async for _, page in walk.read(fetch, ahead=ahead):
        before = len(seen)
        seen.update(dict.fromkeys(page))
        walk.saw(len(page), len(seen) - before, total)
    return list(seen), asked, most


def served(items: int, size: int) -> Fetch:
    return lambda number: list(range(items))[(number - 1) * size : number * size]


@given(items=st.integers(0, 120), cap=st.integers(1, 10), ahead=st.integers(1, 9), claims=st.booleans())
def test_every_item_is_seen_and_no_page_is_asked_in_vain_at_any_page_size(
    items: int, cap: int, ahead: int, claims: bool
) -> None:
    walk = PAGING.walk()
    seen, asked, most = asyncio.run(consume(walk, served(items, cap), total=items if claims else None, ahead=ahead))
    assert seen == list(range(items))
    pages_needed = max(1, -(-items // cap)) if claims else items // cap + (items % cap > 0) + 1
    assert asked == list(range(1, pages_needed + 1))
    assert most <= ahead
    assert (walk.complete, walk.records, walk.pages, walk.note) == (True, items, pages_needed, "")


def test_pages_are_fetched_at_once_when_the_total_is_known_and_one_by_one_when_not() -> None:
    assert asyncio.run(consume(PAGING.walk(), served(100, 10), total=100))[2] == 4
    assert asyncio.run(consume(PAGING.walk(), served(100, 10), total=None))[2] == 1


def test_an_empty_page_before_the_total_leaves_the_walk_incomplete() -> None:
    walk = PAGING.walk()
    asyncio.run(consume(walk, served(35, 10), total=50))
    assert (walk.finished, walk.complete, walk.claimed_total) == (True, False, 50)
    assert "15 of 50" in walk.note


def test_a_total_that_is_too_low_does_not_hide_items() -> None:
    walk = PAGING.walk()
    seen, _, _ = asyncio.run(consume(walk, served(38, 10), total=12))
    assert len(seen) == 38
    assert walk.complete
    assert "claimed 12 items, 38 came" in walk.note


def test_items_shifted_onto_two_pages_are_counted_once_and_looked_for_further() -> None:
    pages = {1: list(range(10)), 2: [9, *range(10, 19)], 3: [19]}
    walk = PAGING.walk()
    seen, _, _ = asyncio.run(consume(walk, lambda number: pages.get(number, []), total=20))
    assert seen == list(range(20))
    assert walk.complete


@pytest.mark.parametrize("total", [None, 1000])
def test_a_server_that_ignores_the_page_number_is_an_error(total: int | None) -> None:
    walk = PAGING.walk()
    with pytest.raises(PagingError, match="page 2 brought nothing new"):
        asyncio.run(consume(walk, lambda _: list(range(10)), total=total))
    assert not walk.complete


def test_pages_without_end_are_an_error() -> None:
    walk = NumberedPages(size=10, max_pages=7).walk()
    with pytest.raises(PagingError, match="no end after 7 pages"):
        asyncio.run(consume(walk, lambda number: [number], total=None))


def test_items_asked_for_by_id_end_the_walk_when_all_came_and_are_missed_when_not() -> None:
    walk = PAGING.walk(expected=8)
    _, asked, _ = asyncio.run(consume(walk, served(8, 10), total=None))
    assert (asked, walk.complete) == ([1], True)
    walk = PAGING.walk(expected=9)
    asyncio.run(consume(walk, served(8, 10), total=None))
    assert (walk.complete, walk.note) == (False, "1 of 9 promised items never came")


def test_a_short_page_ends_the_walk_only_where_the_api_promises_it() -> None:
    walk = NumberedPages(size=10, short_page_ends=True).walk()
    _, asked, _ = asyncio.run(consume(walk, served(25, 10), total=None))
    assert (asked, walk.complete) == ([1, 2, 3], True)


def test_a_doubtful_page_keeps_the_walk_from_being_complete() -> None:
    walk = PAGING.walk()
    walk.doubt("page 1 was cut")
    asyncio.run(consume(walk, served(5, 10), total=5))
    assert (walk.complete, walk.note) == (False, "page 1 was cut")


def test_a_failing_page_ends_the_walk_with_its_error_and_leaves_nothing_under_way() -> None:
    def page_of(number: int) -> list[int]:
        if number == 3:
            raise ValueError("page 3 broke")
        return served(100, 10)(number)

    async def scenario() -> int:
        with pytest.raises(ValueError, match="page 3 broke"):
            await consume(PAGING.walk(), page_of, total=100)
        return len(asyncio.all_tasks())

    assert asyncio.run(scenario()) == 1


def test_a_consumer_that_forgets_to_report_a_page_is_told() -> None:
    async def scenario() -> None:
        async def fetch(number: int) -> int:
            return number

        async for _ in PAGING.walk().read(fetch):
            pass

    with pytest.raises(RuntimeError, match="saw was not called"):
        asyncio.run(scenario())
