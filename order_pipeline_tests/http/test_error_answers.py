"""A 200 that says that it is an error is told from one that brings records, also records that name their own errors."""

from __future__ import annotations

import pytest

from order_pipeline.http.error_answers import error_answer
from order_pipeline.http.errors import TransientError, UnreadableBody
from order_pipeline.http.reply import Reply

RECORD_KEYS = ("items", "itemnumber")


def answer(body: str) -> Reply:
    return Reply("GET", "https://api.example/list?key=s3cret-value", 200, {}, body.encode(), secrets=("s3cret-value",))


@pytest.mark.parametrize(
    "body",
    [
        '{"message": "try later"}',
        '{"error": {"code": 503}}',
        '{"Errors": ["down"], "items": []}',
        '{"fault": "x"}',
        '{"status": 429, "message": "slow down"}',
        '{"code": 5006}',
        '[{"Message": "no"}, {"Message": "no"}]',
        ' {"exceptionMessage": "null reference"} ',
    ],
)
def test_an_error_in_place_of_records_is_worth_another_try(body: str) -> None:
    assert type(error_answer(answer(body), RECORD_KEYS)) is TransientError


@pytest.mark.parametrize("body", ['{"statusCode": 401, "message": "no"}', '{"error": {"code": "5014"}}'])
def test_an_error_that_names_a_refusal_is_final(body: str) -> None:
    assert type(error_answer(answer(body), RECORD_KEYS, {5014})) is UnreadableBody


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "null",
        '"error"',
        "[",
        '{"items": [], "message": "nothing found"}',
        '{"items": [], "errors": [], "error": null}',
        '[{"itemNumber": "1", "errorDescription": "not sold here"}]',
        '[{"itemNumber": "1"}, {"message": "no"}]',
        '["error"]',
        '{"items": [{"error": "of this one"}]}',
    ],
)
def test_anything_else_is_left_to_the_caller(body: str) -> None:
    assert error_answer(answer(body), RECORD_KEYS) is None


def test_a_page_too_large_for_an_error_is_not_read_twice() -> None:
    assert error_answer(answer('{"error": "' + "x" * 20_000 + '"}'), RECORD_KEYS) is None


def test_the_error_shows_no_secret() -> None:
    error = error_answer(answer('{"error": "key s3cret-value is tired", "email": "a@example.org"}'), RECORD_KEYS)
    assert "s3cret-value" not in str(error)
    assert "a@example.org" not in str(error)
