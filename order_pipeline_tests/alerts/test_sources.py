"""What the fetch reports of a real lake say about a channel: fresh, stale, stopped, unproved, owed."""

from datetime import UTC, datetime, timedelta

import pytest

from order_pipeline.alerts.looks.sources import find_source_incidents
from order_pipeline.alerts.looks.staleness import Clocked
from order_pipeline.alerts.looks.stores import readings_by_clock
from order_pipeline.channels.base import QUOTA_USED_UP
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.cli.doctor_stores import look_at_stores
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

NOW = datetime(2026, 3, 20, 12, 30, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COLUMNS = (
    "source, resource, window_start, window_end, pages, records, claimed_total, complete, note, calls, calls_saved,"
    " new_versions, unchanged, reappeared, dead_letters, fetched_at, run_id, watermark"
)
CLOCKED = [
    Clocked("kibo", None, (), "30 * * * *"),
    Clocked("scansource", None, (), "30 * * * *"),
]


@pytest.fixture(scope="module")
def made_lake(tmp_path_factory):
    settings = settings_in(tmp_path_factory.mktemp("lake"))
    lake = Lake(settings)
    migrate(lake)
    yield settings.data_dir, lake
    lake.close()


@pytest.fixture
def lake(settings, made_lake):
    """One lake for all tests, without what an earlier one reported or marked."""
    settings.data_dir, lake = made_lake
    with lake.transaction("as new") as connection:
        for table in ("fetches", "stale_partitions"):
            connection.execute(f"DELETE FROM raw.{table}")
    return lake


@pytest.fixture
def reported(lake):
    """Add a fetch report; by default a complete one that ends the reading of an account up to the present."""

    def add(
        ago, run, *, complete=True, watermark="account 1", first=TODAY - 14 * DAY, end=TODAY, note="", source="kibo",
        resource="orders",
    ):  # fmt: skip
        row = (source, resource, first, end, 1, 1, None, complete, note, 1, 0, 0, 0, 0, 0, NOW - ago, run, watermark)
        marks = ", ".join("?" for _ in row)
        with lake.transaction("report") as connection:
            connection.execute(f"INSERT INTO raw.fetches ({COLUMNS}) VALUES ({marks})", row)

    return add


@pytest.fixture
def found(settings):
    """(kind, subject) -> incident, at NOW or later."""

    def look(now=NOW):
        return {(str(each.kind), each.subject): each for each in find_source_incidents(settings, CLOCKED, now)}

    return look


def test_a_lake_that_is_not_made_yet_has_no_incident(found):
    assert found() == {}


@pytest.mark.costly
def test_a_channel_that_was_never_read_is_not_late(lake, found):
    assert found() == {}


def test_a_report_of_a_clock_that_stood_ahead_makes_no_channel_fresh(reported, found):
    reported(-30 * DAY, "ahead", end=TODAY + 30 * DAY)
    reported(4 * HOUR, "right")
    (incident,) = found().values()
    assert (incident.kind, incident.subject, incident.since) == ("source_stale", "kibo", NOW - 4 * HOUR)


def test_a_window_of_a_clock_that_stood_ahead_opens_no_gap_of_days(reported, found):
    reported(HOUR, "right")
    reported(-30 * DAY, "ahead", first=TODAY + 16 * DAY, end=TODAY + 30 * DAY)
    assert found() == {}


@pytest.mark.parametrize(("ago", "says"), [(-30 * DAY - HOUR, "30 days, "), (HOUR, "")])
def test_doctor_tells_that_a_clock_stood_ahead(settings, reported, ago, says):
    reported(NOW - datetime.now(UTC) + ago, "r1")
    clock = [finding for finding in look_at_stores(settings) if finding.what == "clock"]
    assert [finding.state for finding in clock] == ["waits"] * bool(says)
    assert all(says in finding.detail for finding in clock)


def test_a_channel_is_stale_after_four_of_its_cadences(reported, found):
    reported(3 * HOUR, "r1")
    assert found() == {}
    (incident,) = found(NOW + HOUR).values()
    assert (incident.kind, incident.subject, incident.since) == ("source_stale", "kibo", NOW - 3 * HOUR)
    assert "kibo was last read to its end at 2026-03-20 09:30 UTC" in incident.message
    assert "order-pipeline run --source kibo" in incident.next_step


def test_a_run_over_old_days_makes_no_channel_fresh(reported, found):
    reported(5 * HOUR, "r1")
    reported(0 * HOUR, "backfill", first=TODAY - 300 * DAY, end=TODAY - 270 * DAY)
    assert list(found()) == [("source_stale", "kibo")]


def test_one_channel_that_is_fresh_does_not_hide_another(reported, found):
    reported(0 * HOUR, "r1")
    reported(9 * HOUR, "r2", source="scansource")
    assert list(found()) == [("source_stale", "scansource")]


def test_a_channel_that_is_switched_off_is_not_looked_at(reported, found, settings):
    reported(9 * HOUR, "r1")
    settings.kibo.enabled = False
    assert found() == {}


@pytest.mark.costly
def test_a_used_up_quota_is_one_incident_with_the_time_to_go_on(reported, found):
    reported(3 * HOUR, "before")
    for resource, mark in (("order_rows", "orders of 1"), ("order_details", "")):
        note = f"{QUOTA_USED_UP}: go on after 2026-03-21T00:00:00Z; 3 orders remain"
        reported(0 * HOUR, "r1", source="scansource", resource=resource, watermark=mark, complete=False, note=note)
    ((key, incident),) = found(NOW).items()
    assert key == ("quota_stopped", "scansource")
    assert incident.message.endswith("before its end; go on after 2026-03-21T00:00:00Z.")
    assert (incident.run_id, incident.partitions) == ("r1", "2026-03-06...2026-03-19")
    reported(-HOUR, "r2", source="scansource")
    reported(-HOUR, "r3")
    assert found(NOW + 2 * HOUR) == {}


@pytest.mark.costly
def test_an_account_whose_runs_prove_nothing_for_hours_is_told_and_closed_by_a_proof(reported, found):
    for account in ("account 1", "account 2"):
        reported(7 * HOUR, "r1", watermark=account)
    reported(HOUR, "r2")
    reported(HOUR, "r2", watermark="account 2", complete=False)
    ((key, incident),) = found().items()
    assert key == ("window_unproved", "kibo account 2")
    assert (incident.since, incident.run_id) == (NOW - 7 * HOUR, "r2")
    reported(timedelta(0), "r3", watermark="account 2")
    assert found() == {}


def test_one_run_without_a_proof_is_no_incident_yet(reported, found):
    reported(2 * HOUR, "r1")
    reported(HOUR, "r2", complete=False)
    assert found() == {}


@pytest.mark.costly
def test_old_days_that_were_not_proved_are_told_until_a_run_covers_them(reported, found):
    old = {"first": TODAY - 60 * DAY, "end": TODAY - 58 * DAY, "watermark": ""}
    reported(0 * HOUR, "hourly")
    reported(7 * HOUR, "backfill", complete=False, **old)
    reported(timedelta(0), "hourly again", watermark="")
    ((key, incident),) = found().items()
    assert key == ("window_unproved", "kibo")
    assert incident.partitions == "2026-01-19...2026-01-20"
    assert incident.next_step == "order-pipeline run --source kibo --from 2026-01-19 --to 2026-01-20"
    reported(timedelta(0), "healed", **{**old, "first": TODAY - 90 * DAY})
    assert found() == {}


def test_a_trailing_window_is_healed_by_the_next_day_s(reported, found):
    yesterday = {"first": TODAY - 15 * DAY, "end": TODAY, "watermark": ""}
    reported(13 * HOUR, "r1", complete=False, **yesterday)
    reported(0 * HOUR, "r2")
    assert list(found()) == [("window_unproved", "kibo")]
    reported(timedelta(0), "r2", watermark="", first=TODAY - 14 * DAY, end=TODAY + DAY)
    assert found() == {}


@pytest.fixture
def owe(lake):
    """Mark days (counted back from TODAY) since that time, or clear the marks of days that were built."""

    def change(*days, since=None):
        with lake.transaction("marks") as connection:
            for day in days:
                row = ("kibo", (TODAY - day * DAY).date(), f"mark-{day}", since, "r1")
                if since is None:
                    connection.execute("DELETE FROM raw.stale_partitions WHERE mark_id = ?", [f"mark-{day}"])
                else:
                    connection.execute("INSERT INTO raw.stale_partitions VALUES (?, ?, ?, ?, ?)", row)
        return datetime.now(UTC)

    return change


@pytest.fixture
def owed(settings):
    """Whether days that core owes are told at that moment."""

    def look(now, cron="30 * * * *"):
        found = find_source_incidents(settings, [Clocked("kibo", None, (), cron)], now)
        return [each.message for each in found if each.kind == "days_owed"]

    return look


def test_days_that_core_owes_for_hours_are_told(owe, reported, found):
    reported(0 * HOUR, "r1")
    owe(3, since=NOW - 8 * HOUR)
    owe(5, since=NOW - HOUR)
    ((key, incident),) = found().items()
    assert key == ("days_owed", "kibo")
    assert (
        "owes 2 days that raw has, and they do not become fewer, the oldest since 2026-03-20 04:30" in incident.message
    )
    assert incident.partitions == "2026-03-15...2026-03-17"


@pytest.mark.costly
def test_a_backlog_is_told_when_it_stays_for_hours_and_not_while_it_shrinks(owe, owed):
    before = owe(1, 2, 3, 4, since=datetime.now(UTC) - 8 * HOUR)
    assert owed(before + HOUR) != [], "it stayed for more than the six hours before that"
    after = owe(4)
    assert owed(before + 6 * HOUR) == []
    assert owed(after + 6 * HOUR) != [], "nothing was built since then"


def test_a_backlog_that_grows_faster_than_it_is_built_is_told(owe, owed):
    before = owe(1, 2, since=datetime.now(UTC) - 8 * HOUR)
    owe(2)
    owe(3, 4, since=datetime.now(UTC))
    assert owed(before + 6 * HOUR) != []


def test_days_of_a_run_under_way_do_not_make_a_shrinking_backlog_grow(owe, owed):
    before = owe(1, 2, since=datetime.now(UTC) - 8 * HOUR)
    owe(2)
    owe(3, 4, since=before + 6 * HOUR - timedelta(minutes=10))
    assert owed(before + 6 * HOUR) == []


def test_a_backlog_that_no_whole_run_has_met_yet_is_not_told(owe, owed):
    before = owe(1, 2, since=datetime.now(UTC) - 8 * HOUR)
    once_a_day = f"{before:%M %H} * * *"
    assert owed(before + 6 * HOUR, once_a_day) == []
    assert owed(before + 48 * HOUR, once_a_day) != []


DAILY_INVOICES = ScanSourceSettings(cadence={"invoices": "0 6 * * *", "prices": "0 */4 * * *"})


@pytest.mark.costly
def test_each_family_is_stale_by_its_own_cadence(settings, reported):
    settings.scansource = DAILY_INVOICES

    def stale(now):
        found = find_source_incidents(settings, readings_by_clock(settings), now)
        return {each.subject for each in found if each.kind == "source_stale"}

    for resource in ("order_rows", "invoice_summaries", "prices"):
        reported(0 * HOUR, "r1", source="scansource", resource=resource, watermark="")
    assert stale(NOW + 3 * HOUR) == set()
    assert stale(NOW + 5 * HOUR) == {"scansource"}
    assert stale(NOW + 20 * HOUR) == {"scansource", "scansource prices"}
    assert stale(NOW + 5 * DAY) == {"scansource", "scansource prices", "scansource invoices"}


def test_a_late_family_is_read_by_a_command_of_its_own(settings, reported):
    settings.scansource = DAILY_INVOICES
    reported(5 * DAY, "r1", source="scansource", resource="invoice_summaries", watermark="")
    (incident,) = [
        each for each in find_source_incidents(settings, readings_by_clock(settings), NOW) if "invoices" in each.subject
    ]
    assert "order-pipeline run --source scansource --only invoices" in incident.next_step
    assert "new invoices do not arrive" in incident.message


def test_nothing_is_late_while_channels_are_not_read_by_the_clock(settings):
    settings.schedule.trailing = False
    assert readings_by_clock(settings) == []


def test_days_that_no_run_asked_for_are_missing_until_one_does(reported, found):
    reported(30 * DAY, "r1", first=TODAY - 44 * DAY, end=TODAY - 29 * DAY)
    reported(0 * HOUR, "r2")
    missing = found()["days_missing", "kibo"]
    assert missing.partitions == "2026-02-19...2026-03-05"
    assert missing.next_step == "order-pipeline run --source kibo --from 2026-02-19 --to 2026-03-05"
    reported(0 * HOUR, "heals", first=TODAY - 29 * DAY, end=TODAY - 14 * DAY, watermark="")
    assert ("days_missing", "kibo") not in found()


def test_an_old_day_that_a_person_read_makes_no_days_since_then_missing(reported, found):
    reported(0 * HOUR, "by hand", first=TODAY - 300 * DAY, end=TODAY - 299 * DAY, watermark="")
    reported(0 * HOUR, "r1")
    assert found() == {}
