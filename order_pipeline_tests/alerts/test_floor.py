"""Picks that do not go out, against the ScanOrders fake over HTTP: one message, and one when it is mended."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from order_pipeline.alerts.looks.floor import find_floor_incidents
from order_pipeline.alerts.messengers import messengers_of
from order_pipeline.alerts.redaction import secret_values
from order_pipeline.alerts.watch import Look, watch
from order_pipeline.destinations.scanorders_token import StoredToken, save_token
from order_pipeline.destinations.settings import FloorSettings, ScanOrdersSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline.operations.leases import acquire
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.operators.resolve import resolve
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline_tests.picking.picks import emit_rows, order_rows, pick_row

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def running_sandbox():
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as server:
        yield server


@pytest.fixture
def sandbox(running_sandbox):
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def settings(settings, sandbox):
    settings.scanorders = ScanOrdersSettings(
        base_url=sandbox.channel_url("scanorders"),
        access_token=sandbox.channels["scanorders"].issue_token(),
        send=True,
        rate=RateSettings(max_in_flight=1, backoff_cap_seconds=0.001, attempts=1),
    )
    return settings


@pytest.fixture
def store(settings):
    """The clock of the machine, for emissions need it."""
    store = OperationsStore(settings.resolved_operations_url)
    store.create_all()
    yield store
    store.close()


def incidents(settings, store, after=timedelta(0)):
    """(kind, subject) -> what is found so long after now."""
    found = find_floor_incidents(settings, store, datetime.now(UTC) + after)
    return {(str(each.kind), each.subject): each for each in found}


def test_a_floor_that_works_has_no_incident(settings, store, sandbox):
    assert emit_rows(settings, store, order_rows(2), run_id="r").sent == 4
    assert incidents(settings, store) == {}


def test_a_dead_token_is_told_once_and_its_mending_once(settings, store, sandbox, webhook):
    def look():
        now = datetime.now(UTC)
        watch(settings, store, [Look("floor", (), lambda: find_floor_incidents(settings, store, now))], messengers)

    settings.alerts.webhook_url = SecretStr(webhook.url)
    messengers = messengers_of(settings)
    sandbox.channels["scanorders"].revoke_tokens()
    for run in range(3):
        report = emit_rows(settings, store, order_rows(2), run_id=f"refused-{run}")
        assert report.sent == 0
        look()
    (told,) = webhook.texts
    assert "\nrun: http://127.0.0.1:3000/runs/refused-0\n" in told
    assert told.startswith("ALERT Picks are not going out: ScanOrders refuses the access token (4 picks wait).\n")
    assert "next: Put a new token into ORDER_PIPELINE_SCANORDERS__ACCESS_TOKEN, or unset it and run" in told
    settings.scanorders.access_token = SecretStr(sandbox.channels["scanorders"].issue_token())
    assert emit_rows(settings, store, order_rows(2), run_id="mended").sent == 4
    for _ in range(3):
        look()
    assert [text.split()[0] for text in webhook.texts] == ["ALERT", "OVER"]


@pytest.mark.parametrize(
    ("days_left", "kind", "words"),
    [
        (-1, "picks_stopped", "Picks are not going out: The ScanOrders login ended on"),
        (3, "login_ending", "The ScanOrders login ends on"),
        (None, "picks_stopped", "Picks are not going out: Nobody has logged in to ScanOrders"),
    ],
)
def test_a_login_that_has_ended_or_ends_soon_is_seen_before_a_pick_is_refused(settings, store, days_left, kind, words):
    settings.scanorders.access_token = None
    if days_left is not None:
        now = datetime.now(UTC)
        ends = now + timedelta(days=days_left)
        save_token(settings, StoredToken(access_token="a-token-1", obtained_at=now, expires_at=ends))
    ((found, incident),) = incidents(settings, store).items()
    assert found == (kind, "scanorders login")
    assert incident.message.startswith(words)
    assert "order-pipeline scanorders login" in incident.next_step


def test_an_emitter_that_holds_its_lease_for_hours_is_stuck(settings, store):
    acquire(store, LEASE_NAME, "host pid 7 run abc", seconds=3 * 3600)
    assert incidents(settings, store, HOUR) == {}
    (incident,) = incidents(settings, store, 2 * HOUR).values()
    assert "one emitter has held the sending lease for 2 hours (host pid 7 run abc)." in incident.message


def test_no_emission_for_an_hour_says_that_picks_stopped(settings, store, sandbox):
    emit_rows(settings, store, [pick_row()], run_id="r")
    assert incidents(settings, store, HOUR / 2) == {}
    assert list(incidents(settings, store, HOUR)) == [("picks_stopped", "emission")]


def test_a_queue_that_does_not_empty_is_told_while_emissions_run(settings, store, sandbox):
    settings.alerts.emission_minutes = 10_000
    sandbox.faults.add(Fault(api="scanorders", kind="status", status=429, times=1000))
    emit_rows(settings, store, order_rows(2), run_id="r")
    assert incidents(settings, store, HOUR / 2) == {}
    (incident,) = incidents(settings, store, HOUR).values()
    assert "The queue does not empty: 4 picks wait, the first for 60 minutes (put back: later" in incident.message


def test_a_long_wave_that_goes_out_is_no_incident(settings, store, sandbox):
    settings.alerts.emission_minutes, settings.alerts.queue_minutes = 10_000, 0.000001
    assert emit_rows(settings, store, [pick_row()], run_id="first").sent == 1
    sandbox.faults.add(Fault(api="scanorders", kind="status", status=429, times=1000))
    assert emit_rows(settings, store, [pick_row(), *order_rows(2)], run_id="r").sent == 0
    assert incidents(settings, store) == {}
    assert list(incidents(settings, store, HOUR)) == [("picks_stopped", "queue")]


def test_an_old_doubt_is_told_until_a_person_resolves_it(settings, store, sandbox):
    settings.alerts.emission_minutes = 10_000
    sandbox.faults.add(Fault(api="scanorders", kind="drop_after", nth=1))
    emit_rows(settings, store, [pick_row()], run_id="r")
    assert incidents(settings, store, HOUR / 2) == {}
    assert list(incidents(settings, store, 2 * HOUR)) == [("doubts", "outbox")]
    resolve(store, "kibo:acme:K1:1", "sent", reason="seen", who="Eleni")
    assert incidents(settings, store, 2 * HOUR) == {}


def test_a_dry_run_sends_nothing_on_purpose(settings, store):
    settings.scanorders.send = False
    settings.scanorders.access_token = None
    emit_rows(settings, store, order_rows(2), run_id="dry")
    assert incidents(settings, store, 5 * HOUR) == {}


def test_a_dead_token_of_one_of_several_floors_is_told_with_its_name(settings, store, sandbox):
    channel = sandbox.channels["scanorders"]
    settings.floors = {"north": FloorSettings(access_token=SecretStr(channel.issue_token(account="north")))}
    settings.kibo.locations = {"110452": "main", "110453": "north"}
    rows = [pick_row(order, order=f"K{order}", floor=floor) for order, floor in enumerate(["main", "north"])]
    channel.revoke_tokens_of("north")
    assert emit_rows(settings, store, rows, run_id="r").sent == 1
    ((_, subject), incident), *others = incidents(settings, store).items()
    assert (subject, others) == ("scanorders login north", [])
    assert "ScanOrders refuses the access token of the floor north (1 pick waits)" in incident.message
    assert "ORDER_PIPELINE_FLOORS__NORTH__ACCESS_TOKEN" in incident.next_step
    assert "order-pipeline scanorders login --floor north" in incident.next_step
    token = settings.floors["north"].access_token
    assert token is not None
    assert token.get_secret_value() in secret_values(settings)

    settings.floors["north"].access_token = None
    save_token(settings, StoredToken(access_token="stored-token", obtained_at=datetime.now(UTC)), "north")
    assert "stored-token" in secret_values(settings)
