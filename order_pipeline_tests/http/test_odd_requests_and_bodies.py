"""What cannot stand in a request, and bodies that libraries stumble over: one error of ours, that shows none of it."""

from __future__ import annotations

import pytest

from order_pipeline.http.errors import (
    NotBuilt,
    NoToken,
    OutcomeUnknown,
    PagingError,
    PermanentError,
    TransientError,
    UnreadableBody,
    concerns_the_record,
)
from order_pipeline.http.pagination import smaller_pages
from order_pipeline.http.record_ids import problem_of_id, problem_of_path_id
from order_pipeline.http.reply import Reply
from order_pipeline.http.transport import Transport
from order_pipeline_tests.http.scripted_server import Answer, ScriptedServer, in_turn

ODD_IDS = ["a\0b", "\ud800", "x" * 3000, "..", ".", "a/../b", "..\\b", "", "  ", "a\nb", "​"]  # noqa: PLE2515
USUAL_IDS = ["191128-1234567", "a b", "a/b", "50%", "#1?", "Ελλάδα", "a..b", "0", "%2e%2e"]


@pytest.mark.parametrize("record_id", ODD_IDS)
def test_an_id_that_no_url_carries_is_known_without_being_shown(record_id: str) -> None:
    problem = problem_of_id(record_id)
    assert problem
    assert not record_id.strip(" .") or record_id not in problem


@pytest.mark.parametrize("record_id", USUAL_IDS)
def test_an_id_that_a_url_carries_when_encoded_is_no_problem(record_id: str) -> None:
    assert problem_of_id(record_id) is None


@pytest.mark.parametrize(
    "record_id", [*ODD_IDS, "a/b", "/", "1/accept", "..", "1\\accept", "1%2Faccept", "1%5caccept", "%2e%2e"]
)
def test_an_id_that_could_make_a_path_another_one_is_no_part_of_a_path(record_id: str) -> None:
    assert problem_of_path_id(record_id)


@pytest.mark.parametrize("record_id", ["191128-1234567", "a b", "50%", "#1?", "Ελλάδα", "a..b"])
def test_an_id_whose_characters_stay_encoded_may_be_part_of_a_path(record_id: str) -> None:
    assert problem_of_path_id(record_id) is None


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["\ud800", "x" * 70_000])
async def test_a_request_that_cannot_be_built_is_one_error_and_nothing_is_sent(value: str) -> None:
    async with ScriptedServer(in_turn(Answer())) as server, Transport("test", server.url) as transport:
        for path, parameters, body in (("/a", {"id": value}, None), (f"/{value}", None, None), ("/a", None, [value])):
            if body == ["x" * 70_000]:
                continue
            with pytest.raises(NotBuilt) as caught:
                await transport.request("POST", path, params=parameters, json=body, idempotent=True)
            assert value not in str(caught.value)
        assert not server.received


@pytest.mark.anyio
@pytest.mark.parametrize("location", ["http://[", "https://a:b:c/", "\x01"])
async def test_a_redirect_to_no_url_is_a_redirect(location: str) -> None:
    answer = Answer(status=302, headers={"Location": location})
    async with ScriptedServer(in_turn(answer)) as server, Transport("test", server.url) as transport:
        with pytest.raises(PermanentError, match="points elsewhere"):
            await transport.request("GET", "/a")
        assert len(server.received) == 1
        with pytest.raises(OutcomeUnknown):
            await transport.request("POST", "/a")


def reply(content: bytes, content_type: str = "application/json") -> Reply:
    return Reply("GET", "http://h/", 200, {"content-type": content_type}, content)


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        ('{"a":"café"}'.encode(), "application/json; charset=iso-8859-1", '{"a":"café"}'),
        ('{"a":"café"}'.encode("latin1"), "application/json; charset=iso-8859-1", '{"a":"café"}'),
        ('{"a":"καφές"}'.encode("iso-8859-7"), 'application/json; charset="ISO-8859-7"', '{"a":"καφές"}'),
        ('{"a":"καφές"}'.encode("utf-8-sig"), "application/json; charset=iso-8859-7", '{"a":"καφές"}'),
        ('{"a":"café"}'.encode("latin1"), "application/json; charset=utf-8", '{"a":"café"}'),
        ('{"a":"café"}'.encode("latin1"), "application/json; charset=no-such", '{"a":"café"}'),
        ('{"a":"café"}'.encode("latin1"), "application/json; charset=idna", '{"a":"café"}'),
        ('{"a":"café"}'.encode("latin1"), "", '{"a":"café"}'),
    ],
)
def test_a_body_that_is_utf_8_is_utf_8_and_another_is_read_by_its_header(
    content: bytes, content_type: str, text: str
) -> None:
    assert reply(content, content_type).utf8("latin1").decode() == text


def test_a_body_that_fits_no_charset_stays_as_it_is() -> None:
    assert reply(b'"\xe9"').utf8() == b'"\xe9"'


@pytest.mark.parametrize("content", [b'{"a":"\xe9"}', b"[" * 3000 + b"]" * 3000, b"[" + b"9" * 5000 + b"]", b"[NaN]"])
def test_a_body_that_no_decoder_takes_is_unreadable(content: bytes) -> None:
    with pytest.raises(UnreadableBody):
        reply(content).json()


@pytest.mark.parametrize(
    ("error", "concerns"),
    [
        (PermanentError("x", status=400), True),
        (PermanentError("x", status=403), True),
        (PermanentError("x", status=302), True),
        (PermanentError("x", status=401), False),
        (PermanentError("x", status=407), False),
        (TransientError("x", status=429), False),
        (TransientError("x", status=503), False),
        (UnreadableBody("x", status=200), True),
        (NotBuilt("x"), True),
        (NoToken("x", status=400), False),
        (PagingError("x"), False),
        (ValueError("x"), False),
    ],
)
def test_a_refusal_concerns_the_record_unless_it_is_about_the_caller(error: Exception, concerns: bool) -> None:
    assert concerns_the_record(error) is concerns


@pytest.mark.parametrize(("number", "size"), [(1, 100), (3, 100), (2, 10), (4, 7), (5, 2), (2, 96)])
def test_smaller_pages_hold_the_items_of_the_page_and_no_other(number: int, size: int) -> None:
    smaller, numbers = smaller_pages(number, size)
    assert smaller < size
    items = [item for page in numbers for item in range((page - 1) * smaller, page * smaller)]
    assert items == list(range((number - 1) * size, number * size))
