"""Nothing secret or personal is readable after redaction, wherever it stands; what explains a failure stays."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.redaction.texts import redact_body, redact_text

SECRET_NAMES = ["access_token", "refresh_token", "client_secret", "password", "API-Key", "otp", "uid", "api_key"]
PERSONAL_NAMES = ["email", "phone", "phone1", "firstName", "lastName", "addressLine1", "postalCode", "ipAddress"]
secrets = st.text(st.characters(categories=["Lu", "Ll", "Nd"], max_codepoint=127), min_size=6, max_size=60).map(
    lambda text: f"Zq9{text}"
)


@pytest.mark.costly
@given(name=st.sampled_from(SECRET_NAMES + PERSONAL_NAMES), value=st.text(min_size=6).filter(lambda v: v.strip(" *")))
def test_a_value_under_a_telling_name_is_hidden_in_json(name: str, value: str) -> None:
    body = json.dumps({"error": "E17", "deep": [{name: f"§{value}§"}], "page": 3}, ensure_ascii=False)
    shown = redact_text(body)
    assert f"§{value}§" not in shown
    assert '"E17"' in shown
    assert '"page": 3' in shown


@given(name=st.sampled_from(SECRET_NAMES), value=secrets)
def test_a_value_under_a_telling_name_is_hidden_in_a_url(name: str, value: str) -> None:
    shown = redact_text(f"https://user:{value}@host/order/?page=2&{name}={quote(value)}&perPage=100")
    assert value not in shown
    assert shown.startswith("https://")
    assert "host/order/?page=2&" in shown
    assert shown.endswith("&perPage=100")


@given(value=secrets, scheme=st.sampled_from(["Bearer", "Basic", "bearer"]))
def test_a_credential_after_its_scheme_is_hidden(value: str, scheme: str) -> None:
    assert value not in redact_text(f"Authorization: {scheme} {value} was refused")


@given(value=secrets, before=st.text(max_size=30), after=st.text(max_size=30))
def test_a_known_secret_is_hidden_wherever_it_stands(value: str, before: str, after: str) -> None:
    assert value not in redact_text(before + value + after, [value]).replace("[redacted]", "")


@pytest.mark.parametrize("secret", ["first", "email", "pass", "word", "token", "redacted"])
@pytest.mark.parametrize(
    "text", ['{"firstName": "Zenobia"}', "firstName=Zenobia&email=Zenobia", "password='Zenobia'", "token: Zenobia"]
)
def test_a_secret_that_is_a_part_of_a_telling_name_uncovers_no_value(secret: str, text: str) -> None:
    assert "Zenobia" not in redact_text(text, [secret])
    assert redact_text(redact_text(text, [secret]), [secret]) == redact_text(text, [secret])


@given(st.text() | st.sampled_from(SECRET_NAMES).map(lambda name: f'{{"{name}": "abc def", {name}=xyz; {name}: q'))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact_text(redact_text(text)) == redact_text(text)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Invalid or expired token: bus|16123x456", "16123x456"),
        ('{"password": "ab\\"cd', "ab"),
        ('{"password": 12345678}', "12345678"),
        ("mail maria.papadopoulou@example.gr now", "maria"),
        ("?contact=a.b%40example.org", "a.b"),
        ("call +30 694 123 4567", "694"),
        ("jwt eyJhbGciOi.eyJzdWIi.c2ln", "eyJzdWIi"),
        ("key 0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        ("/callback?code=oneTimeCode&state=1", "oneTimeCode"),
    ],
)
def test_known_shapes_of_secrets_are_hidden(text: str, hidden: str) -> None:
    assert hidden not in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://host/api/v2/order/?manufacturerID=12&orderDateStart=2026-01-01T00%3A00%3A00Z&page=4",
        '{"code": 5014, "message": "INVALID_QUERY_PARAM perPage"}',
        "Rate limit is exceeded. Try again in 12 seconds.",
        "order 230511-1234567",
    ],
)
def test_what_explains_a_failure_stays(text: str) -> None:
    assert redact_text(text) == text


def test_a_body_is_redacted_before_it_is_cut() -> None:
    body = b'{"note": "' + b"x" * 40 + b'", "password": "' + b"hunter2" * 9 + b'"}'
    for limit in range(20, 120):
        assert "hunter2" not in redact_body(body, limit=limit)
    assert len(redact_body(b"y " * 5000, limit=100)) == 100
