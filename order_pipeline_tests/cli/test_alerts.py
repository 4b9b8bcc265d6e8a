"""`order-pipeline alerts` and what `doctor` says of alerts, through the entry point."""

import json
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from order_pipeline.operations.incident_messages import claim_next, mark_failed
from order_pipeline.operations.incidents import Incident, reconcile
from order_pipeline.operations.leases import acquire
from order_pipeline.operations.store import open_store
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.settings import Settings
from order_pipeline_tests.alerts.receivers import running_webhook
from order_pipeline_tests.shared_demo import run_command

OLD_LOGIN = Incident(
    kind="picks_stopped",
    subject="scanorders login",
    message="Picks are not going out: ScanOrders refuses the access token (12 picks wait).",
    next_step="Run `order-pipeline scanorders login`.",
    since=datetime(2026, 3, 1, 4, 12, tzinfo=UTC),
    run_id="1c0a9d5e-0000-4000-8000-3f5f8f1f2a11",
)


@pytest.fixture
def webhook():
    with running_webhook() as webhook:
        yield webhook


@pytest.fixture
def url(tmp_path):
    return Settings(_env_file=None, data_dir=tmp_path).resolved_operations_url  # pyright: ignore[reportCallIssue]


@pytest.fixture
def incident(url):
    """One that is open, and whose message waits for a webhook."""
    with open_store(url) as store:
        reconcile(store, [OLD_LOGIN], ["webhook"])


def findings(tmp_path, **environment):
    done = run_command(tmp_path, "doctor", "--no-online", "--format", "json", **environment)
    return {each["what"]: each for each in json.loads(done.stdout)}


def test_the_list_of_open_incidents_fits_80_columns_and_its_link_is_whole(tmp_path, incident):
    done = run_command(tmp_path, "alerts", "list")
    assert max(cell_len(line) for line in done.stdout.splitlines()) <= 80
    assert f"http://127.0.0.1:3000/runs/{OLD_LOGIN.run_id}" in done.stdout
    shown = " ".join(done.stdout.split())
    assert "03-01 04:12" in shown
    assert "ScanOrders refuses the access token" in shown
    assert "next Run `order-pipeline scanorders login`" in shown


def test_the_list_as_json_has_the_link_to_the_run(tmp_path, incident):
    done = run_command(
        tmp_path, "alerts", "list", "--format", "json", ORDER_PIPELINE_ALERTS__UI_URL="https://ui.example"
    )
    (row,) = json.loads(done.stdout)
    assert row["run"] == f"https://ui.example/runs/{OLD_LOGIN.run_id}"


def test_a_dismissed_incident_is_listed_only_with_all(tmp_path, incident):
    assert run_command(tmp_path, "alerts", "dismiss", "1", "--who", "Eleni").returncode == 0
    assert run_command(tmp_path, "alerts", "dismiss", "1").returncode == 1
    assert json.loads(run_command(tmp_path, "alerts", "list", "--format", "json").stdout) == []
    assert len(json.loads(run_command(tmp_path, "alerts", "list", "--all", "--format", "json").stdout)) == 1


def test_a_test_message_arrives_and_one_that_does_not_is_an_error(tmp_path, webhook):
    setting = {"ORDER_PIPELINE_ALERTS__WEBHOOK_URL": webhook.url}
    assert run_command(tmp_path, "alerts", "test", **setting).returncode == 0
    assert webhook.texts[0].startswith("TEST This is how an alert of order-pipeline arrives. Nothing is wrong.")
    webhook.status = 404
    done = run_command(tmp_path, "alerts", "test", **setting)
    assert (done.returncode, "answered 404" in done.stdout, webhook.url in done.stdout) == (1, True, False)


@pytest.mark.costly
def test_a_look_without_the_daemon_sends_what_waits(tmp_path, incident, webhook):
    setting = {"ORDER_PIPELINE_ALERTS__WEBHOOK_URL": webhook.url, "ORDER_PIPELINE_ALERTS__QUIET_MINUTES": "0"}
    done = run_command(tmp_path, "alerts", "look", **setting)
    assert (done.returncode, "over: 1" in done.stderr) == (0, True)
    assert [text.split()[0] for text in webhook.texts] == ["ALERT", "OVER"]


def test_a_misspelt_setting_of_alerts_is_an_error(tmp_path):
    done = run_command(tmp_path, "alerts", "list", ORDER_PIPELINE_ALERTS__WEBHOOK="https://x.example")
    assert done.returncode == 2
    assert "ORDER_PIPELINE_ALERTS__WEBHOOK_URL" in done.stderr


def test_doctor_says_that_nobody_is_told(tmp_path):
    found = findings(tmp_path)["alerts"]
    assert (found["state"], "nobody is told" in found["detail"]) == ("off", True)
    assert "ORDER_PIPELINE_ALERTS__WEBHOOK_URL" in found["next_step"]
    found = findings(tmp_path, ORDER_PIPELINE_ALERTS__COMMAND="true")["alerts"]
    assert (found["state"], found["detail"]) == ("ok", "by log, command")


def test_doctor_misses_who_gets_the_mails(tmp_path):
    found = findings(tmp_path, ORDER_PIPELINE_ALERTS__SMTP_URL="smtp://mail.example:25")
    assert found["alerts by mail"]["state"] == "missing"


def test_doctor_says_what_could_not_be_brought(tmp_path, url, incident):
    with open_store(url) as store:
        waiting = claim_next(store, "webhook", not_again=[])
        assert waiting is not None
        mark_failed(store, waiting.message_id, "POST to the webhook: answered 503")
    found = findings(tmp_path)["alerts by webhook"]
    assert (found["state"], "answered 503" in found["detail"]) == ("failed", True)


def test_doctor_sees_what_the_alerts_see(tmp_path, url):
    with open_store(url) as store:
        acquire(store, LEASE_NAME, "another host", seconds=1e6)
    sending = {"ORDER_PIPELINE_SCANORDERS__SEND": "true", "ORDER_PIPELINE_ALERTS__LEASE_MINUTES": "0.00001"}
    found = findings(tmp_path, **sending)["picks_stopped: emitter"]
    assert (found["state"], "another host" in found["detail"]) == ("failed", True)
