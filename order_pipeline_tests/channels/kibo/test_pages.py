"""A page becomes orders without loss: bytes stay bytes, passwords go, a broken order takes no other with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from order_pipeline.channels.kibo.masking import PASSWORD_MARK, mask_passwords
from order_pipeline.channels.kibo.pages import read_page
from order_pipeline.http.reply import Reply

SAMPLE = Path(__file__).parents[2] / "fixtures" / "kibo" / "seed_sample_repaired.json"

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
)
names = st.sampled_from(["password", "Password", "passwords", "note", 'x"password', "code"]) | st.text(max_size=5)
values = st.recursive(
    scalars | st.sampled_from(['"password": "x"', "password", '{"password": 1}', "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def reply(content: bytes, content_type: str = "application/json") -> Reply:
    return Reply("GET", "http://host/order/", 200, {"content-type": content_type}, content)


def without_passwords(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: "[removed]" if k == "password" else without_passwords(v) for k, v in value.items()}
    return [without_passwords(each) for each in value] if isinstance(value, list) else value


@given(
    value=values,
    ascii_only=st.booleans(),
    layout=st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}]),
)
def test_exactly_the_values_of_password_keys_are_replaced_at_any_depth(
    value: Any, ascii_only: bool, layout: dict[str, Any]
) -> None:
    document = json.dumps({"collection": [value]}, ensure_ascii=ascii_only, **layout).encode()
    masked = mask_passwords(document)
    # A key that ends in `"password` after an escaped quote is masked too: erring towards hiding.
    if b'\\"password"' not in document:
        assert json.loads(masked) == without_passwords(json.loads(document))
    assert mask_passwords(masked) == masked


def test_without_a_password_not_one_byte_changes() -> None:
    document = b'{ "note" : "password" ,"passwords": [1.50, 2e3], "\\u0070ass": 1 }'
    assert mask_passwords(document) is document


@pytest.mark.parametrize(
    "document",
    [
        b'{"password":"hunter2"}',
        b'{"password":"hunter2\\"hunter2"}',
        b'{"password"password":"hunter2"}',
        b'{"password":"hunter2',
        b'{"password" :\n "hunter2\\"more"}',
        b'{"\\u0070assw\\u006Frd": "hunter2"}',
        b'{"password": {"a": ["hunter2", "}"]}, "b": 1}',
        b'{"password": ["hunter2"]}',
        b'{"password": hunter2}',
        b'{"customer": {"password": "hunter2',
        b'{"password": {"a": "hunter2',
    ],
)
def test_a_password_in_any_spelling_and_in_broken_json_is_gone(document: bytes) -> None:
    masked = mask_passwords(document)
    assert b"hunter2" not in masked
    assert PASSWORD_MARK in masked


def test_the_vendors_sample_keeps_every_byte_but_the_password() -> None:
    content = SAMPLE.read_bytes()
    page = read_page(reply(content))
    assert (page.ids, page.total, page.items) == (["1234567"], None, 1)
    assert page.times[0].isoformat() == "2017-08-15T22:08:50+00:00"
    (payload,) = page.payloads
    expected = re.sub(rb'("password"\s*:\s*)"[^"]*"', rb"\1" + PASSWORD_MARK, content)
    assert payload in expected
    assert json.loads(bytes(payload)) == json.loads(expected)["collection"][0]


@pytest.mark.costly
@given(st.lists(st.tuples(st.integers(1, 10**15), values), max_size=6), st.integers(0, 5), st.booleans())
def test_a_page_with_one_broken_order_gives_the_same_orders_as_without_it(
    orders: list[tuple[int, Any]], position: int, total: bool
) -> None:
    good = [
        json.dumps({"extra": extra, "orderID": number, "orderDate": "2026-03-01T08:00:00+00:00"}).encode()
        for number, extra in orders
    ]
    tail = b'], "totalCount": 17}' if total else b"]}"
    sound = read_page(reply(b'{"collection": [' + b", ".join(good) + tail))
    position = min(position, len(good))
    with_broken = [*good[:position], b'{"orderID": 007, "x": "]},{"}', *good[position:]]
    broken = read_page(reply(b'{"collection": [' + b", ".join(with_broken) + tail))
    assert (broken.ids, broken.times, broken.payloads) == (sound.ids, sound.times, sound.payloads)
    assert broken.total == sound.total == (17 if total else None)
    assert [record.rule for record in broken.dead_letters] == ["bad_json"]
    assert not broken.cut


@given(st.integers(0, 400))
def test_a_cut_page_gives_its_whole_orders_and_says_that_it_was_cut(length: int) -> None:
    orders = [json.dumps({"orderID": n, "orderDate": "2026-03-01T08:00:00Z", "t": "],{"}).encode() for n in range(1, 9)]
    content = b'{"collection":[' + b",".join(orders) + b"]}"
    page = read_page(reply(content[: 15 + length]))
    assert page.cut
    assert page.ids == [str(n) for n in range(1, len(page.ids) + 1)]
    assert sum(len(each) for each in page.payloads) <= length
    assert all(payload in orders for payload in page.payloads)


def test_ids_may_be_numbers_or_text_and_are_kept_as_text() -> None:
    when = '"orderDate": "2026-03-01T08:00:00Z"'
    numbers = ["12345678901234567890123", '"0012"', '"AB-1"']
    content = ",".join(f'{{"orderID": {number}, {when}}}' for number in numbers)
    page = read_page(reply(f'{{"collection": [{content}]}}'.encode()))
    assert page.ids == ["12345678901234567890123", "0012", "AB-1"]


@pytest.mark.parametrize(
    ("total", "read"),
    [("5", 5), ('"5"', 5), ("null", None), ("-1", None), ("5.5", None), ('"many"', None), ("[]", None)],
)
def test_a_total_that_is_no_count_is_no_total(total: str, read: int | None) -> None:
    assert read_page(reply(f'{{"collection": [], "totalCount": {total}}}'.encode())).total == read


@pytest.mark.parametrize(
    "content", [b"", b" \n", b'{"collection": []}', b'{"collection": null}', b'\xef\xbb\xbf{"collection":[]}']
)
def test_nothing_is_no_order_and_no_error(content: bytes) -> None:
    assert read_page(reply(content)).items == 0


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-8", "application/json"),
        ("utf-8", "application/json; charset=utf-8"),
        ("latin1", "application/json"),
        ("latin1", 'application/json; charset="ISO-8859-1"'),
        ("latin1", "application/json; charset=utf-8"),
        ("utf-8", "application/json; charset=nonsense"),
    ],
)
def test_the_charset_is_the_headers_else_utf8_else_latin1(encoding: str, content_type: str) -> None:
    content = '{"collection": [{"orderID": 1, "orderDate": "2026-03-01T08:00:00Z", "name": "Zoë"}]}'.encode(encoding)
    page = read_page(reply(content, content_type))
    assert "Zoë" in bytes(page.payloads[0]).decode()


order_keys = ["orderID", "orderDate", "orderType", "orderIDs", "note", "x-y"]
order_values = (
    st.sampled_from([7, 123456789, 0, -1, 1.5, "7", " ", "2026-03-01T00:00:00Z", "2026-03-01T10:00:00+02:00", "soon"])
    | scalars
    | st.just({"orderID": 8, "orderDate": "2026-04-01T00:00:00Z"})
)


@given(st.permutations(order_keys), st.lists(order_values, min_size=len(order_keys), max_size=len(order_keys)))
@example(order_keys, [7, "2026-03-01T00:00:00Z", 1, 2, 3, 4])
@example(["orderID", "note", "orderDate"], [7, {"orderDate": "2026-04-01T00:00:00Z"}, "2026-03-01T00:00:00Z"])
def test_an_order_has_the_same_key_and_time_whatever_stands_between_its_keys(
    keys: list[str], found: list[object]
) -> None:
    order = dict(zip(keys, found, strict=False))
    compact, spaced = (
        read_page(reply(json.dumps({"collection": [order]}, separators=separators).encode()))
        for separators in ((",", ":"), (", ", " : "))
    )
    assert (compact.ids, compact.times) == (spaced.ids, spaced.times)
    assert [one.rule for one in compact.dead_letters] == [one.rule for one in spaced.dead_letters]
