"""ScanSource's job in Dagster: a quota stop ends green and says what remains; a source that is down fails alone."""

import dagster as dg
import pytest

from order_pipeline.assets.road import Road
from order_pipeline.automation.instance import open_instance
from order_pipeline.automation.jobs import source_job_name
from order_pipeline.automation.launch import run_job
from order_pipeline.definitions import build_definitions
from order_pipeline.sandbox import kibo, kibo_orders
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.settings import Settings
from order_pipeline.sources.records import Window
from order_pipeline.warehouse.lake import Lake
from order_pipeline_tests.sources.scansource.conftest import settings_for


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
            "data_dir": data_dir,
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


def test_a_quota_stop_ends_green_a_check_says_what_remains_and_the_next_run_fetches_only_that(server, window, tmp_path):
    stopped, checks = run(all_settings(server, tmp_path, call_budget=9), "scansource", window)
    assert stopped.success
    check = checks["raw/scansource_order_details", "windows_proved_complete"]
    assert not check.passed
    said = str(check.metadata["what remains (first ones)"].value)
    assert "orders remain on 2026-01-" in said
    assert "0 calls left in the budget" in said

    server.calls["scansource"].reset()
    finished, checks = run(all_settings(server, tmp_path), "scansource", window)
    assert finished.success
    assert checks["raw/scansource_order_details", "windows_proved_complete"].passed
    lake = Lake(all_settings(server, tmp_path))
    orders = lake.query("select count(*) from core.orders where source = 'scansource'").rows[0][0]
    assert orders == server.channels["scansource"].ledger()["orders"]
    assert 0 < server.calls["scansource"].total("salesorder/v1/detail") < orders


@pytest.mark.slow
def test_one_source_down_leaves_the_others_orders_on_the_road(server, window, tmp_path):
    settings = all_settings(server, tmp_path, base_url="http://127.0.0.1:9", token_url="http://127.0.0.1:9/token")
    down, _ = run(settings, "scansource", window)
    up, _ = run(settings, "kibo", window)
    assert not down.success
    assert [failure.step for failure in down.failures] == ["fetch_scansource"]
    assert up.success
    Road(settings).deploy_models()
    lake = Lake(settings)
    assert lake.query("select count(*) from marts.pick_lines where source = 'kibo'").rows[0][0] > 0
