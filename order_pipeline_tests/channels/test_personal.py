"""What a channel calls personal leaves its payloads, and all else stays byte for byte."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from order_pipeline.channels import registry
from order_pipeline.channels.personal import ERASED
from order_pipeline.redaction.texts import redact_text

FIXTURES = Path(__file__).parents[1] / "fixtures"
SAMPLES = {
    "kibo": ["kibo/seed_sample_repaired.json"],
    "skroutz": [str(path.relative_to(FIXTURES)) for path in sorted(FIXTURES.glob("skroutz/webhook_examples/*.json"))],
    "scansource": ["scansource/salesorder_detail.reconstructed.json", "scansource/invoice_list.sample.json"],
}


def personal(channel):
    return registry.channels()[channel].personal


def is_json(text):
    try:
        return json.loads(text) is not None
    except ValueError:
        return False


@pytest.mark.parametrize(("channel", "sample"), [(name, each) for name, files in SAMPLES.items() for each in files])
def test_an_erased_sample_has_no_personal_text_left(channel, sample):
    payload = (FIXTURES / sample).read_bytes()
    erased = personal(channel).erased(payload)
    assert personal(channel).texts(erased) == []
    assert personal(channel).erased(erased) == erased
    if is_json(payload):
        assert json.loads(erased).keys() == json.loads(payload).keys() if erased[:1] == b"{" else True
        assert personal(channel).texts(payload)


def test_what_is_not_personal_keeps_its_bytes():
    payload = b'{"total": 10.40, "id":12345678901234567890, "customer":{"phone1":"210","x":{"y":[1.50,true,"a",""]}}}'
    erased = personal("kibo").erased(payload)
    assert erased == (
        b'{"total":10.40,"id":12345678901234567890,"customer":{"phone1":"erased","x":{"y":[null,null,"erased",""]}}}'
    )
    assert json.loads(erased, parse_float=Decimal)["total"] == Decimal("10.40")


def test_a_lock_against_fraud_outlives_the_address_it_stands_in():
    erased = personal("kibo").erased(b'{"shippingAddressInformation":{"city":"Patras","fraudLock":true}}')
    assert json.loads(erased) == {"shippingAddressInformation": {"city": ERASED, "fraudLock": True}}


def test_a_key_added_to_an_address_tomorrow_is_personal_too():
    payload = b'{"order":{"customer":{"nickname":"Zeb"}},"changes":{"customer":{"new":{"mobile":"697"}}}}'
    assert json.loads(personal("skroutz").erased(payload)) == {
        "order": {"customer": {"nickname": ERASED}},
        "changes": {"customer": {"new": {"mobile": ERASED}}},
    }


def test_bytes_that_are_no_json_go_as_a_whole():
    assert personal("skroutz").erased(b'{"order": {"customer": {"first_name": "Zebulonia"') == b'"erased"'


def test_a_city_finds_nobody():
    assert personal("skroutz").identifying(b'{"customer":{"first_name":"Zeb","address":{"city":"Patras"}}}') == ["Zeb"]


def test_every_channel_says_what_is_personal():
    assert [name for name, channel in registry.channels().items() if not channel.personal.keys] == []


@pytest.mark.parametrize("name", ["firstName", "last_name", "phone", "mobile", "email", "EnteredByEmail", "ipAddress"])
def test_errors_hide_the_keys_that_name_somebody(name):
    assert "Zebulonia" not in redact_text(json.dumps({name: "Zebulonia"}))
