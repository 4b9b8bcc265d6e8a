"""`status`: every figure on one screen, whatever is missing, and an exit code for a monitor."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from rich.cells import cell_len

from order_pipeline.cli import status_facts
from order_pipeline.cli.status import judged, span
from order_pipeline.cli.status_facts import Automation, Disk, Login, Picks, Status, read_status
from order_pipeline.operations.incidents import Incident, reconcile
from order_pipeline.operations.store import open_store
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.shared_demo import run_command
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

NOW = datetime(2026, 3, 20, 12, 30, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0)
DAY = timedelta(days=1)


def states(status, settings):
    return {what: (state, told) for what, state, told in judged(status, settings)}


def judge(settings, **parts):
    return states(Status(NOW, "/srv/data", is_demo=False, **parts), settings)


@pytest.fixture
def settings(tmp_path):
    return settings_in(tmp_path)


def test_a_demo_is_shown_on_one_screen_of_eighty_columns(command):
    done = command("status")
    assert done.returncode == 0, done.stdout
    assert max(map(cell_len, done.stdout.splitlines())) <= 80
    assert len(done.stdout.splitlines()) <= 40
    for word in ("kibo", "invoices", "held", "in doubt", "tasks", "login", "alerts", "disk", "schedules", "daemon"):
        assert word in done.stdout


@pytest.mark.costly
def test_the_figures_are_those_of_the_stores(command):
    told = json.loads(command("status", "--json").stdout)
    held = json.loads(command("outbox", "list", "--state", "held", "--format", "json").stdout)
    rejects = json.loads(command("quarantine", "list", "--format", "json").stdout)
    assert sum(told["picks"]["held"].values()) == told["picks"]["by_state"]["held"] == len(held)
    assert sum(channel["open_rejects"] for channel in told["channels"]) == len(rejects)
    families = {each["family"]: each for channel in told["channels"] for each in channel["families"]}
    assert set(families) >= {"", "orders", "invoices", "prices", "availability"}
    assert all(each["lag_minutes"] >= 0 for each in families.values())
    assert (told["wrong"], told["unread"]) == ([], {})


def test_nothing_is_made_where_nothing_is(tmp_path):
    done = run_command(tmp_path, "status", "--json")
    assert done.returncode == 0
    assert "not made yet" in json.loads(done.stdout)["unread"]["channels"]
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_should_be_there_is_wrong_and_hides_no_other(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/operations.sqlite"):
        pass
    (tmp_path / "installation.json").write_text("{", encoding="utf-8")
    (tmp_path / "scanorders_token.json").write_text("no token", encoding="utf-8")
    done = run_command(tmp_path, "status", "--json", ORDER_PIPELINE_SCANORDERS__SEND="true")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert set(told["unread"]) == {"channels", "logins", "automation"} == set(told["wrong"])
    assert "missing" in told["unread"]["channels"]
    assert told["picks"]["by_state"] == {}


def test_an_emptied_store_is_told_and_not_filled(tmp_path):
    (tmp_path / "operations.sqlite").touch()
    told = json.loads(run_command(tmp_path, "status", "--json").stdout)
    assert "no such table" in told["unread"]["picks"]


def test_it_answers_while_a_run_writes(settings):
    lake = Lake(settings)
    migrate(lake)
    with open_store(settings.resolved_operations_url) as store, store.writing(), lake.transaction("a long build"):
        found = read_status(settings)
    lake.close()
    assert found.unread == {}
    assert found.channels is not None
    assert found.picks is not None


COLUMNS = (
    "source, resource, window_start, window_end, pages, records, claimed_total, complete, note, calls, calls_saved,"
    " new_versions, unchanged, reappeared, dead_letters, fetched_at, run_id, watermark"
)


def report(connection, source, resource, ago, *, complete=True, watermark="", end=TODAY):
    row = (
        source,
        resource,
        TODAY - 14 * DAY,
        end,
        1,
        1,
        None,
        complete,
        "",
        1,
        0,
        0,
        0,
        0,
        0,
        NOW - ago,
        "r",
        watermark,
    )
    connection.execute(f"INSERT INTO raw.fetches ({COLUMNS}) VALUES ({', '.join('?' for _ in row)})", row)


def test_the_last_success_is_that_of_the_slowest_account_and_no_backfill_counts(settings):
    lake = Lake(settings)
    migrate(lake)
    hour = timedelta(hours=1)
    with lake.transaction("reports") as connection:
        report(connection, "kibo", "orders", 30 * hour, watermark="account 1")
        report(connection, "kibo", "orders", hour, watermark="account 1", complete=False)
        report(connection, "kibo", "orders", hour, watermark="account 2")
        report(connection, "kibo", "orders", timedelta(0), watermark="account 1", end=TODAY - 90 * DAY)
        report(connection, "kibo", "orders", 9 * DAY, watermark="an account of last week", complete=False)
        report(connection, "scansource", "order_rows", 2 * hour, watermark="orders of 1")
        report(connection, "scansource", "order_details", 50 * hour)
        report(connection, "scansource", "prices", 3 * hour, end=TODAY + DAY)
        report(connection, "scansource", "availability", 3 * hour, complete=False, end=TODAY + DAY)
    lake.close()
    found = {(c.channel, each.family): each for c in read_status(settings, NOW).channels or [] for each in c.families}
    assert found["kibo", ""].lag_minutes == 30 * 60
    assert found["kibo", ""].tried_at == NOW - hour
    assert found["scansource", "orders"].lag_minutes == 2 * 60, "details are fetched where the list has changed"
    assert found["scansource", "prices"].lag_minutes == 3 * 60
    assert found["scansource", "availability"].read_at is None
    assert found["scansource", "invoices"].tried_at is None


@pytest.mark.costly
def test_a_demo_is_read_to_the_day_on_which_its_fakes_stand_still(settings):
    lake = Lake(settings)
    migrate(lake)
    with lake.transaction("reports") as connection:
        report(connection, "kibo", "orders", timedelta(0), watermark="account 1", end=TODAY - 60 * DAY)
    with lake.snapshot() as connection:
        read = status_facts.read_last_readings
        assert read(connection, NOW) == []
        assert len(read(connection, NOW, date(2026, 1, 15))) == 1
    lake.close()


@pytest.mark.parametrize(
    ("login", "state", "words"),
    [
        (Login(False, False, None, None), "off", "dry run"),
        (Login(True, False, None, None), "wrong", "nobody has logged in"),
        (Login(True, True, None, None), "ok", "without a known end"),
        (Login(True, True, NOW + 50 * DAY, 50.0), "ok", "50.0 days left"),
        (Login(True, True, NOW + 3 * DAY, 3.0), "waits", "order-pipeline scanorders login"),
        (Login(True, True, NOW - DAY, -1.0), "wrong", "ended 2026-03-19"),
    ],
)
def test_the_login_says_how_many_days_are_left(settings, login, state, words):
    found, told = judge(settings, logins=[login])["login"]
    assert found == state
    assert words in told


def test_each_floor_in_use_has_its_login(tmp_path):
    done = run_command(
        tmp_path,
        *("status", "--json"),
        ORDER_PIPELINE_SCANORDERS__SEND="true",
        ORDER_PIPELINE_FLOORS__NORTH__SEND="true",
        ORDER_PIPELINE_KIBO__LOCATIONS='{"1": "main", "2": "north"}',
    )
    assert [each["floor"] for each in json.loads(done.stdout)["logins"]] == ["main", "north"]
    assert json.loads(done.stdout)["wrong"] == ["login main", "login north"]


@pytest.mark.parametrize(
    ("active", "by_hand", "heard", "state"),
    [
        (True, [], NOW - timedelta(minutes=1), "ok"),
        (True, [], NOW - timedelta(minutes=6), "wrong"),
        (True, [], None, "wrong"),
        (False, [], None, "off"),
        (False, ["alerts"], None, "wrong"),
    ],
)
def test_a_silent_daemon_is_wrong_while_something_should_run(settings, active, by_hand, heard, state):
    found = judge(settings, automation=Automation(active, False, by_hand, [], heard))
    assert found["daemon"][0] == state


def test_schedules_that_a_restore_or_a_person_switched_off_are_named(settings):
    restored = judge(settings, automation=Automation(False, True, [], [], None))
    assert restored["schedules"] == ("waits", "off after a restore: order-pipeline stores settled")
    by_hand = judge(settings, automation=Automation(True, False, [], ["kibo_hourly"], NOW))
    assert by_hand["schedules"] == ("ok", "on; off by hand: kibo_hourly")


def test_what_waits_for_a_person_is_no_failure_but_a_full_disk_is(settings):
    picks = Picks({"sent": 5, "held": 3, "in_doubt": 1}, {"no_bin": 1, "no_location": 2}, 1, 190.0, 4, {"skroutz": 2})
    found = judge(settings, picks=picks, disk=Disk(1.0, 100.0, 5))
    assert found["held"] == ("waits", "no_location 2, no_bin 1")
    assert found["in doubt"] == ("waits", "1, the oldest for 3 h")
    assert {what for what, (state, _) in found.items() if state == "wrong"} == {"disk"}


def test_an_open_alert_is_exit_code_one(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/operations.sqlite") as store:
        incident = Incident(kind="source_stale", subject="kibo", message="kibo is late.", next_step="Look.")
        reconcile(store, [incident], [], unseen_kinds=set(), quiet=timedelta(0), remind_after=None)
    done = run_command(tmp_path, "status")
    assert done.returncode == 1
    assert "source_stale kibo: kibo is late." in " ".join(done.stdout.replace("│", " ").split())


def test_no_password_of_a_store_is_shown(tmp_path):
    url = "postgresql://pipeline:very-secret@127.0.0.1:1/operations"
    done = run_command(tmp_path, "status", ORDER_PIPELINE_OPERATIONS_URL=url)
    assert done.returncode == 1
    assert "very-secret" not in done.stdout + done.stderr


@pytest.mark.costly
def test_what_dagster_was_told_by_hand_is_read_back(settings):
    import dagster as dg
    from dagster._core.definitions.run_request import InstigatorType
    from dagster._core.remote_origin import (
        RegisteredCodeLocationOrigin,
        RemoteInstigatorOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData

    from order_pipeline.orchestration.automation_state import read_automation_state
    from order_pipeline.orchestration.instance import open_instance

    assert read_automation_state(settings).switched_off == []
    with open_instance(settings) as instance:
        assert isinstance(instance, dg.DagsterInstance)
        repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("order_pipeline"), "__repository__")
        origin = RemoteInstigatorOrigin(repository, "kibo_hourly")
        data = ScheduleInstigatorData("0 * * * *")
        instance.add_instigator_state(InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.STOPPED, data))
    assert read_automation_state(settings).switched_off == ["kibo_hourly"]


@pytest.mark.parametrize(("minutes", "words"), [(0, "0 min"), (119, "119 min"), (120, "2 h"), (3000, "2 days")])
def test_a_length_of_time_reads_as_people_say_it(minutes, words):
    assert span(timedelta(minutes=minutes)) == words
