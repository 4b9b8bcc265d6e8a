"""Looking into a document, and taking the one-time password out of it without touching the rest."""

import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.channels.skroutz.order_document import parse_time, peek, without_secrets
from order_pipeline.channels.webhook import NotJsonError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "skroutz"


def fixture(name):
    [path] = FIXTURES.glob(f"*/{name}*")
    return path.read_bytes()


def test_a_webhook_says_whose_order_it_is_of_which_utc_day_and_since_when():
    seen = peek(fixture("01_example_1"))

    assert seen.order_number == "191029-5130474"
    assert seen.order_day == dt.date(2019, 11, 28)
    assert seen.event_time == dt.datetime(2019, 11, 28, 11, 24, 37, tzinfo=dt.UTC)
    assert (seen.state, seen.problem) == ("open", None)


def test_a_bare_order_has_no_event_time_and_no_problem():
    seen = peek(fixture("merchants_ecommerce_orders_demo_fbs"))
    assert (seen.order_number, seen.event_time, seen.problem) == ("DEMO-FBS", None, None)


def test_the_error_for_what_is_not_json_says_where_and_quotes_nothing():
    with pytest.raises(NotJsonError, match=r"^DecodeError in 2\d\d\d bytes: \(byte \d+\)$"):
        peek(fixture("03_example_3"))


@pytest.mark.parametrize(
    ("body", "rule", "field"),
    [
        (b"[]", "bad_json", "$"),
        (b"null", "bad_json", "$"),
        (b"{}", "bad_json", "order"),
        (b'{"order": []}', "bad_json", "order"),
        (b'{"order": {}}', "missing_key", "order.code"),
        (b'{"order": {"code": 12, "created_at": "2026-03-01T10:00:00+02:00"}}', "missing_key", "order.code"),
        (b'{"order": {"code": " ", "created_at": "2026-03-01T10:00:00+02:00"}}', "missing_key", "order.code"),
        (b'{"order": {"code": "A"}}', "bad_timestamp", "order.created_at"),
        (b'{"order": {"code": "A", "created_at": "2026-03-01T10:00:00"}}', "bad_timestamp", "order.created_at"),
        (b'{"order": {"code": "A", "created_at": "yesterday"}}', "bad_timestamp", "order.created_at"),
        (
            b'{"event_time": "soon", "order": {"code": "A", "created_at": "2026-03-01T10:00:00Z"}}',
            "bad_timestamp",
            "event_time",
        ),
    ],
)
def test_what_cannot_be_keyed_carries_the_rule_and_the_field(body, rule, field):
    problem = peek(body).problem
    assert problem is not None
    assert (problem.rule, problem.field) == (rule, field)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2019-11-28T13:24:37+02:00", "2019-11-28T11:24:37+00:00"),
        ("2021-06-24T13:08:30+03:00", "2021-06-24T10:08:30+00:00"),
        ("2026-03-01T00:30:00+02:00", "2026-02-28T22:30:00+00:00"),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00+00:00"),
        ("2026-03-01T10:00:00.250Z", "2026-03-01T10:00:00.250000+00:00"),
        ("2026-03-01T10:00:00", None),
        ("0001-01-01T00:00:00+02:00", None),
        ("", None),
        (5, None),
        (None, None),
    ],
)
def test_times_need_an_offset(text, utc):
    assert parse_time(text) == (dt.datetime.fromisoformat(utc) if utc else None)


def test_without_a_secret_the_bytes_are_the_same_object():
    body = fixture("01_example_1")
    assert without_secrets(body) is body


def test_the_one_time_password_goes_and_every_other_byte_of_a_value_stays():
    body = (
        b'{"order": {"n": 10.40, "invoice_details": {"r": [{"otp": "123456", "id_number": "12345"}]}, "s": "\\u03a0"}}'
    )
    assert without_secrets(body) == (
        b'{"order":{"n":10.40,"invoice_details":{"r":[{"id_number":"12345"}]},"s":"\\u03a0"}}'
    )


@pytest.mark.parametrize("key", ['"otp"', '"OTP"', '" otp "', '"\\u006ftp"', '"o\\u0074p"'])
def test_a_disguised_key_is_the_same_key(key):
    assert b"123456" not in without_secrets(b'{"order": {"a": {%s: "123456"}}}' % key.encode())


def test_a_secret_in_a_repeated_object_goes_with_both_occurrences():
    body = b'{"r": {"otp": "111111"}, "r": {"otp": "222222", "x": 1}}'
    assert without_secrets(body) == b'{"r":{"x":1}}'


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/*.json")), ids=lambda path: path.name)
def test_no_fixture_keeps_its_one_time_password(path):
    body = path.read_bytes()
    try:
        peek(body)
    except NotJsonError:
        return
    cleaned = json.loads(without_secrets(body))
    assert cleaned == json.loads(body, object_pairs_hook=lambda pairs: {k: v for k, v in pairs if k != "otp"})
    assert '"otp"' not in json.dumps(cleaned)


keys = st.sampled_from(["otp", "order", "a", "Ω"])
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
    max_leaves=20,
)


def _purged(value):
    if isinstance(value, dict):
        return {key: _purged(part) for key, part in value.items() if key != "otp"}
    return [_purged(part) for part in value] if isinstance(value, list) else value


@pytest.mark.costly
@given(documents, st.booleans())
def test_taking_out_secrets_changes_nothing_else(document, ascii_only):
    body = json.dumps(document, ensure_ascii=ascii_only, indent=1).encode("utf-8", "surrogatepass")
    assert json.loads(without_secrets(body)) == _purged(document)
