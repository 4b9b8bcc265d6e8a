"""ScanSource's job in Dagster: a quota stop ends green and says what remains; a source that is down fails alone."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import dagster as dg
import pytest

from order_pipeline.channels.base import Window
from order_pipeline.definitions import build_definitions
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.jobs import source_job_name
from order_pipeline.orchestration.launch import run_job
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.sandbox.kibo import fake as kibo
from order_pipeline.sandbox.kibo import orders as kibo_orders
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.channels.scansource.conftest import settings_for
from order_pipeline_tests.demo_locations import with_demo_locations


@pytest.fixture(scope="module")
def server():
    with SandboxServer(orders=6, days=2, channels=["scansource", "kibo"]) as running:
        yield running


@pytest.fixture
def window(server):
    return Window(server.world.first_day, server.clock.today)


def all_settings(server, data_dir, **scansource):
    url = server.channel_url("kibo")
    return Settings.model_validate(
        {
            "data_dir": with_demo_locations(data_dir),
            "kibo": {
                "base_url": f"{url}/api/v2",
                "token_url": f"{url}/oauthserver/oauth2/token",
                "api_key": kibo.API_KEY,
                "api_secret": kibo.API_SECRET,
                "manufacturer_ids": [str(number) for number in kibo_orders.MANUFACTURERS],
                "rate": {"requests_per_second": None},
            },
            "scansource": settings_for(server, **scansource),
            "skroutz": {"enabled": False},
            "schedule": {"first_day": server.world.first_day.isoformat()},
        }
    )


def run(settings, source, window):
    """The job's outcome, and every check of the run by asset and name."""
    with open_instance(settings) as instance:
        outcome = run_job(build_definitions(settings), instance, source_job_name(source), window)
        events = instance.all_logs(outcome.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        checks = [event.dagster_event.asset_check_evaluation_data for event in events if event.dagster_event]
        return outcome, {(check.asset_key.to_user_string(), check.check_name): check for check in checks}


def numbers_in_core(settings):
    return {number for (number,) in Lake(settings).query("select order_number from core.orders").rows}


@pytest.mark.costly
@pytest.mark.parametrize("whose", ["the API's", pytest.param("our own", marks=pytest.mark.slow)])
def test_a_quota_stop_ends_green_says_what_remains_and_only_that_is_fetched_next(server, window, tmp_path, whose):
    server.reset()
    channel = server.channels["scansource"]
    enough_for_some = 14
    channel.configure(quota_calls=enough_for_some if whose == "the API's" else None)
    limited = all_settings(server, tmp_path, call_budget=enough_for_some if whose == "our own" else None)
    ordered = channel.books.orders.values()
    every_order = {each.number for each in ordered if window.start <= each.entered_at.date() < window.end}

    stopped, checks = run(limited, "scansource", window)
    assert stopped.success
    kept = numbers_in_core(limited)
    assert kept
    assert kept < every_order
    check = checks["raw/scansource/orders", "windows_proved_complete"]
    assert not check.passed
    said = str(check.metadata["what remains (first ones)"].value)
    assert f"{len(every_order - kept)} orders remain on 2026-01-" in said
    assert all(number in said for number in every_order - kept)
    assert ("go on after " if whose == "the API's" else "0 calls left in the budget") in said

    channel.configure(quota_calls=None)
    server.calls["scansource"].reset()
    finished, checks = run(all_settings(server, tmp_path), "scansource", window)
    assert finished.success
    assert checks["raw/scansource/orders", "windows_proved_complete"].passed
    details = [call for call in server.calls["scansource"].recent if call.path.endswith("salesorder/v1/detail")]
    asked = [parse_qs(call.query)["salesOrderNumber"][0] for call in details]
    assert sorted(asked) == sorted(every_order - kept)
    assert numbers_in_core(limited) == every_order


@pytest.mark.slow
def test_an_old_order_that_changed_during_a_stop_of_seven_days_is_in_core(server, window, tmp_path):
    server.reset()
    books = server.channels["scansource"].books
    number, order = next(iter(books.orders.items()))
    books.orders[number] = replace(order, entered_at=order.entered_at - timedelta(days=40), deliveries=())
    settings = all_settings(server, tmp_path)
    settings.schedule.first_day = (window.start - timedelta(days=60)).isoformat()
    assert run(settings, "scansource", window)[0].success
    assert number not in numbers_in_core(settings)

    server.clock.advance(days=1)
    books.touch(number, server.clock.now(), "changed while the pipeline was down")
    server.clock.advance(days=6)
    later = Window(window.start + timedelta(days=7), window.end + timedelta(days=7))
    outcome, checks = run(settings, "scansource", later)

    assert outcome.success
    assert number in numbers_in_core(settings)
    assert checks["raw/scansource/orders", "windows_proved_complete"].passed

    server.clock.advance(days=7)
    settings.of_channel("scansource").catch_up_days = 3
    last = Window(later.start + timedelta(days=7), later.end + timedelta(days=7))
    _, checks = run(settings, "scansource", last)
    check = checks["raw/scansource/orders", "windows_proved_complete"]
    assert not check.passed
    assert "run these days" in str(check.metadata["what remains (first ones)"].value)


@pytest.mark.slow
def test_one_source_down_leaves_the_others_orders_on_the_road(server, window, tmp_path):
    settings = all_settings(server, tmp_path, base_url="http://127.0.0.1:9", token_url="http://127.0.0.1:9/token")
    down, _ = run(settings, "scansource", window)
    up, _ = run(settings, "kibo", window)
    assert not down.success
    assert [failure.step for failure in down.failures] == ["fetch_scansource"]
    assert up.success
    PipelineResource(settings).deploy_models()
    lake = Lake(settings)
    assert lake.query("select count(*) from marts.pick_lines where source = 'kibo'").rows[0][0] > 0
