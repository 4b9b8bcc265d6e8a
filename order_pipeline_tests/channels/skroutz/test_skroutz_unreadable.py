"""A webhook that is no JSON is seen: in quarantine, in the exceptions, by `trace`, until its order arrives readable."""

import json
from datetime import date

import pytest

from order_pipeline.story.tell import tell_stories
from order_pipeline.warehouse.core.build import build_core
from order_pipeline_tests.channels.skroutz.conftest import make_event

pytestmark = pytest.mark.costly

CODE = "260115-1000001"
CUT_OFF = b'{"event_type":"new_order","order":{"code":"%s","vat_exclusion":{"otp":"4711"},"state":"op' % CODE.encode()


@pytest.fixture
def cut_off(road):
    road.receive(CUT_OFF)
    road.land(build=False)
    build(road)
    road.deploy_views()
    return road


def build(road, *days):
    build_core(road.lake, "skroutz", days or [date(2026, 1, 15)], "build")


def test_it_is_a_reject_with_its_order_and_an_exception(cut_off):
    assert cut_off.rows("SELECT rule, raw_record_id, resolved_at IS NULL FROM quarantine.rejects") == [
        ("bad_json", CODE, True)
    ]
    assert cut_off.rows("SELECT kind, reason FROM marts.exceptions") == [("reject", "bad_json")]


def test_its_bytes_are_kept_without_the_one_time_password(cut_off):
    assert cut_off.one("SELECT payload FROM raw.dead_letters") == CUT_OFF.replace(b'"4711"', b'"***"')


def test_trace_finds_the_order_in_the_bytes_that_could_not_be_read(cut_off):
    cut_off.lake.close()
    (entry,) = tell_stories(cut_off.settings, CODE).stories
    assert entry["verdict"].startswith("Not picked: what the channel delivered cannot be read")
    assert [row["rule"] for row in entry["quarantine"]] == ["bad_json"]
    assert "4711" not in json.dumps(entry, default=str)


def test_another_order_heals_nothing_and_its_own_does(cut_off):
    cut_off.receive(make_event("260115-1000002"))
    cut_off.land()
    assert cut_off.one("SELECT count(*) FROM quarantine.rejects WHERE resolved_at IS NULL") == 1
    cut_off.receive(make_event(CODE))
    cut_off.land()
    assert cut_off.one("SELECT count(*) FROM quarantine.rejects WHERE resolved_at IS NULL") == 0
    assert set(cut_off.states()) == {CODE, "260115-1000002"}
