"""What a reply to `neworders` means; cautious wherever the contract leaves a doubt."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.destinations.scanorders_answers import Outcome, decode_object, identifier, judge_create, unwrap

BUBBLE_401 = '{"error_class":"Unauthorized","args":{"code":"T"},"message":null,"translation":"Invalid: TOKEN-1234"}'
MISSING = (
    '{"statusCode":400,"body":{"status":"MISSING_DATA","message":"Missing parameter for workflow neworders: barcode"}}'
)

VERDICTS = [
    (200, '{"status":"Success","data":{"fulfilmentid":"17"}}', None, Outcome.ACCEPTED),
    (200, '{"STATUS":"success","Response":{"FulfilmentID":17}}', None, Outcome.ACCEPTED),
    (201, '{"fulfilmentid":17.0}', None, Outcome.ACCEPTED),
    (200, '{"status":"success","response":{}}', None, Outcome.UNKNOWN),
    (200, '{"status":"success"}', None, Outcome.UNKNOWN),
    (200, '{"fulfilmentid":""}', None, Outcome.UNKNOWN),
    (200, '{"fulfilmentid":null}', None, Outcome.UNKNOWN),
    (200, '{"status":"Success","data":{"fulfil', None, Outcome.UNKNOWN),
    (200, "<html></html>", None, Outcome.UNKNOWN),
    (200, "", None, Outcome.UNKNOWN),
    (200, "[]", None, Outcome.UNKNOWN),
    (200, '{"status":"NOT_RUN","message":"condition"}', None, Outcome.REFUSED),
    (302, "", None, Outcome.UNKNOWN),
    (400, MISSING, None, Outcome.REFUSED),
    (400, "", None, Outcome.REFUSED),
    (401, BUBBLE_401, None, Outcome.UNAUTHORISED),
    (403, "{}", None, Outcome.MISCONFIGURED),
    (404, "", None, Outcome.MISCONFIGURED),
    (408, "", None, Outcome.UNKNOWN),
    (422, "{}", None, Outcome.REFUSED),
    (429, "", None, Outcome.LATER),
    (429, "", 5.0, Outcome.LATER),
    (500, "{}", None, Outcome.UNKNOWN),
    (502, "", 5.0, Outcome.UNKNOWN),
    (503, "", 5.0, Outcome.LATER),
    (503, "", None, Outcome.UNKNOWN),
]


@pytest.mark.parametrize(("status", "body", "retry_after", "expected"), VERDICTS)
def test_verdict(status, body, retry_after, expected):
    assert judge_create(status, body.encode(), retry_after=retry_after).outcome is expected


def test_a_503_is_a_refusal_when_the_setting_says_that_the_vendor_said_so():
    assert judge_create(503, b"", unavailable_is_refusal=True).outcome is Outcome.LATER


def test_the_text_that_names_the_missing_parameter_is_kept():
    answer = judge_create(400, MISSING.encode())
    assert answer.message == "MISSING_DATA: Missing parameter for workflow neworders: barcode"


def test_a_token_repeated_in_the_error_is_not_kept():
    answer = judge_create(401, BUBBLE_401.encode(), secrets=["TOKEN-1234"])
    assert "TOKEN-1234" not in f"{answer.reply}{answer.message}"


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_garbage_is_ever_taken_for_an_acceptance(status, body):
    answer = judge_create(status, body)
    if answer.outcome is Outcome.ACCEPTED:
        assert identifier(unwrap(decode_object(body) or {}).get("fulfilmentid"))
        assert 200 <= status < 300


@given(st.integers(1, 10**12), st.sampled_from(["data", "response", ""]))
def test_an_id_is_the_same_text_in_every_envelope_and_number_form(number, envelope):
    for value in (number, float(number), str(number)):
        inner = {"FulfilmentId": value}
        body = json.dumps({envelope: inner} if envelope else inner).encode()
        assert judge_create(200, body).fulfilment_id == str(number)
