"""Paths, refusals and dates of ScanSource, without a server."""

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.channels.scansource.authentication import authentication_for, host_for
from order_pipeline.channels.scansource.dates import day_of, parse_moment
from order_pipeline.channels.scansource.errors import (
    BadKey,
    BadToken,
    QuotaExceeded,
    RateLimited,
    RecordNotFound,
    classify,
)
from order_pipeline.channels.scansource.operations import OPERATIONS, Operation, operations_for
from order_pipeline.channels.scansource.rows import split_rows
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.http.errors import NotBuilt, NotConfigured, PermanentError, UnreadableBody
from order_pipeline.http.reply import Reply
from order_pipeline.sandbox.scansource import forms as scansource_forms

FIXTURES = Path(__file__).parents[2] / "fixtures" / "scansource"
GATEWAY = json.loads((FIXTURES / "errors.apim.json").read_text())
NEW_YORK = ZoneInfo("America/New_York")


def reply(status: int, body: bytes | dict[str, object] = b"", **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(
        "GET", "https://x/y", status, {name.replace("_", "-"): text for name, text in headers.items()}, content
    )


def test_no_operation_of_either_generation_writes_an_order():
    for operations in OPERATIONS.values():
        assert not {name for name in operations if "create" in name or "cancel" in name}
        assert {operation.method for operation in operations.values()} <= {"GET", "POST"}
        posts = {name for name, operation in operations.items() if operation.method == "POST"}
        assert posts == {"pricing", "availability"}


def test_both_generations_offer_the_same_operations():
    assert OPERATIONS["current"].keys() == OPERATIONS["legacy"].keys()


def test_a_path_placeholder_takes_its_parameter_out_of_the_query():
    operation = Operation("GET", "/invoice/detail/{customerNumber}/{InvoiceNumber}", "documented")
    path, query = operation.resolve({"customerNumber": "1 2", "InvoiceNumber": "9", "page": "1", "left_out": None})
    assert path == "/invoice/detail/1%202/9"
    assert query == {"page": "1"}


@pytest.mark.parametrize("number", ["..", "1/2", "1/../../order", "1%2F2"])
def test_a_number_that_could_make_the_path_another_one_is_not_asked_for(number):
    operation = Operation("GET", "/invoice/detail/{customerNumber}/{InvoiceNumber}", "documented")
    with pytest.raises(NotBuilt):
        operation.resolve({"customerNumber": "1", "InvoiceNumber": number})


def test_a_setting_replaces_an_inferred_path_and_a_wrong_name_is_refused():
    replaced = operations_for("current", {"order_tracking": "/scsc/tracking/v1/order"})
    assert replaced["order_tracking"].template == "/scsc/tracking/v1/order"
    assert replaced["order_list"] == OPERATIONS["current"]["order_list"]
    with pytest.raises(ValueError, match=r"traking.*order_tracking"):
        operations_for("current", {"traking": "/x"})


@pytest.mark.parametrize("missing", ["SUBSCRIPTION_KEY", "CLIENT_ID", "CLIENT_SECRET"])
def test_a_missing_credential_is_named(missing):
    given_settings = {"subscription_key": "k", "client_id": "i", "client_secret": "s"}
    del given_settings[missing.lower()]
    with pytest.raises(NotConfigured, match=missing):
        authentication_for(ScanSourceSettings.model_validate(given_settings))


def test_the_legacy_generation_needs_the_key_alone():
    auth, headers = authentication_for(ScanSourceSettings(generation="legacy", subscription_key="k"))  # pyright: ignore[reportArgumentType]
    assert auth is None
    assert headers == {"Ocp-Apim-Subscription-Key": "k"}


def test_presets_give_host_and_scope_and_single_settings_replace_them():
    sandbox = host_for(ScanSourceSettings(preset="sandbox"))
    assert sandbox.base_url == "https://apitest.scansource.com"
    assert "scansourceb2cqas" in (sandbox.scope or "")
    replaced = host_for(ScanSourceSettings(preset="sandbox", base_url="https://x.example"))
    assert (replaced.base_url, replaced.scope) == ("https://x.example", sandbox.scope)


@pytest.mark.parametrize(
    ("answer", "kind", "wait"),
    [
        (reply(401, GATEWAY["401_missing_key"]), BadKey, None),
        (reply(401, GATEWAY["401_invalid_key"]), BadKey, None),
        (reply(401, GATEWAY["401_bad_token_scansource_observed"]), BadToken, None),
        (reply(401), BadToken, None),
        (reply(429, GATEWAY["429_rate_limit"]), RateLimited, 60),
        (reply(429, GATEWAY["429_rate_limit"], retry_after="7"), RateLimited, 7),
        (reply(429, GATEWAY["429_rate_limit"], retry_after="0"), RateLimited, 60),
        (reply(429, {"message": "Rate limit is exceeded. Try again in 0 seconds."}), RateLimited, None),
        (reply(429), RateLimited, None),
        (reply(403, b"Out of call volume quota. Quota will be replenished in 01:02:03."), QuotaExceeded, 3723),
        (reply(403, b"Out of call volume quota. Quota will be replenished in 2.00:00:05."), QuotaExceeded, 172_805),
        (reply(403, b"Out of call volume quota.", retry_after="90"), QuotaExceeded, 90),
        (reply(403, b"whatever", retry_after="90"), QuotaExceeded, 90),
        (reply(404, {"statusCode": 404, "message": "Resource not found"}), PermanentError, None),
        (reply(404, {"Message": "The sales order was not found."}), RecordNotFound, None),
        (reply(200, b"<html>"), UnreadableBody, None),
    ],
)
def test_refusals_become_typed_errors_with_the_wait_they_name(answer, kind, wait):
    error = classify(answer)
    assert error is not None
    assert type(error) is kind
    assert error.retry_after == wait
    assert error.next_step


@pytest.mark.parametrize("answer", [reply(200), reply(200, b"[]"), reply(403, b"Forbidden"), reply(400), reply(503)])
def test_what_is_no_special_case_is_left_to_the_general_rules(answer):
    assert classify(answer) is None


@pytest.mark.parametrize(
    "body",
    [
        b'[{"a":1},{"a":2}]',
        b'{"items":[{"a":1},{"a":2}]}',
        b'{"Lines":[{"a":1},{"a":2}]}',
        b'[{"Lines":[{"a":1},{"a":2}]}]',
    ],
)
def test_rows_come_out_of_a_bare_array_and_of_the_known_wrappers(body):
    assert split_rows(reply(200, body)).rows == [b'{"a":1}', b'{"a":2}']


def test_no_body_is_no_row_and_another_object_is_an_error():
    assert split_rows(reply(200)).rows == split_rows(reply(200, b"[]")).rows == []
    with pytest.raises(UnreadableBody):
        split_rows(reply(200, b'{"Message":"sorry"}'))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1/5/2026 3:07 PM", "2026-01-05T20:07:00+00:00"),
        ("7/5/2026 12:00 AM", "2026-07-05T04:00:00+00:00"),
        ("7/5/2026", "2026-07-05T04:00:00+00:00"),
        ("2026-07-05", "2026-07-05T04:00:00+00:00"),
        ("2026-01-05T00:00:00", "2026-01-05T05:00:00+00:00"),
        ("2026-01-05T00:00:00Z", "2026-01-05T00:00:00+00:00"),
        ("2024-04-25T15:03:40.7027818-04:00", "2024-04-25T19:03:40.702781+00:00"),
        (" 1/5/2026  3:07 PM ", "2026-01-05T20:07:00+00:00"),
    ],
)
def test_every_documented_date_form_is_read(text, moment):
    assert parse_moment(text, NEW_YORK) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "0001-01-01T00:00:00",
        "00000000",
        "0000-00-00",
        "string",
        "25/12/2026",
        "20260105",
        "2026-13-01",
        None,
        5,
    ],
)
def test_no_date_and_an_unknown_form_are_none_never_a_guess(text):
    assert parse_moment(text, NEW_YORK) is None


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)))  # noqa: DTZ001 - UTC is added
def test_what_the_fake_writes_is_read_back(naive):
    moment = naive.replace(tzinfo=UTC, microsecond=0, second=0)
    local = moment.astimezone(NEW_YORK)
    if local.fold or local.replace(fold=1).utcoffset() != local.utcoffset():
        return  # an hour that the clock shows twice: no text without an offset can tell which
    assert parse_moment(scansource_forms.american(moment), NEW_YORK) == moment
    assert day_of(scansource_forms.seven_digits(moment), NEW_YORK) == moment.date()
