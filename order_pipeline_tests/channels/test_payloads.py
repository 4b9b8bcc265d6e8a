"""Payloads come out as they went in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.channels.payloads import Payloads

texts = st.binary(max_size=5)


@given(st.lists(texts | st.lists(texts, max_size=4), max_size=8), st.integers(0, 8))
def test_payloads_keep_their_order_however_they_are_added_and_looked_at(
    added: list[bytes | list[bytes]], looked_at: int
) -> None:
    payloads, expected = Payloads(), list[bytes]()
    for place, one in enumerate(added):
        if isinstance(one, bytes):
            payloads.append(one)
            expected.append(one)
        else:
            payloads.extend([memoryview(text) for text in one])
            expected += one
        if place == looked_at:
            payloads.blocks()
    assert list(payloads) == expected
    assert (len(payloads), payloads.size) == (len(expected), sum(map(len, expected)))
    assert b"".join(block for block, _ in payloads.blocks()) == b"".join(expected)
    assert [length for _, lengths in payloads.blocks() for length in lengths] == list(map(len, expected))
    assert list(payloads) == expected


def test_payloads_of_a_page_do_not_change_with_it() -> None:
    page, payloads = bytearray(b"[first,second]"), Payloads([b"before"])
    payloads.extend([memoryview(page)[1:6], memoryview(page)[7:13]])
    page[:] = b"x" * len(page)
    assert list(payloads) == [b"before", b"first", b"second"]
