"""Old runs leave Dagster's store, and what it knows of days and checks stays."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from order_pipeline.definitions import build_definitions
from order_pipeline.orchestration.history import prune_history
from order_pipeline.orchestration.housekeeping import HOUSEKEEPING_JOB
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.origins import CHANGES, FOUND_TAG, NOTHING, note_found
from order_pipeline.settings import HistorySettings, Settings

pytestmark = pytest.mark.costly

PARTITIONS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-05")
KEY = dg.AssetKey(["core", "shop"])
CHECK = dg.AssetCheckKey(KEY, "holds")
LATER = timedelta(days=31)


class Failing(dg.Config):
    """Whether the step fails."""

    fail: bool = False


@dg.multi_asset(
    specs=[dg.AssetSpec(KEY, partitions_def=PARTITIONS)],
    check_specs=[dg.AssetCheckSpec("holds", asset=KEY)],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def shop(config: Failing):
    if config.fail:
        raise RuntimeError("down")
    yield dg.MaterializeResult(
        asset_key=KEY, check_results=[dg.AssetCheckResult(check_name="holds", asset_key=KEY, passed=True)]
    )


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return Settings(data_dir=tmp_path)


@pytest.fixture
def instance(settings):
    with open_instance(settings) as opened:
        yield opened


def read_days(instance, first, last, found=None, *, fail=False):
    """A run over the days; its id."""
    days = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    done = dg.materialize(
        [shop],
        instance=instance,
        tags={**days, **({FOUND_TAG: found} if found else {})},
        run_config={"ops": {"shop": {"config": {"fail": fail}}}},
        raise_on_error=False,
    )
    return done.run_id


def prune(instance, after):
    return prune_history(instance, HistorySettings(), datetime.now(UTC) + after)


def runs(instance):
    return {run.run_id for run in instance.get_runs()}


def statuses(instance):
    """Each day as the UI shows it."""
    found = instance.get_status_by_partition(KEY, PARTITIONS.get_partition_keys(), PARTITIONS)
    return {day: status and status.value for day, status in found.items()}


def test_an_old_run_goes_with_its_files_and_every_day_stays_green(instance, tmp_path):
    old = read_days(instance, "2026-01-01", "2026-01-03")
    new = read_days(instance, "2026-01-01", "2026-01-04")
    before = statuses(instance)
    pruned = prune(instance, LATER)
    assert (pruned.runs, pruned.kept, runs(instance)) == (1, 1, {new})
    assert [path for path in tmp_path.rglob("*") if old in path.name] == []
    assert set(before.values()) == {"MATERIALIZED"}
    assert statuses(instance) == before


def test_a_run_stays_while_a_day_was_last_read_by_it(instance, tmp_path):
    first = read_days(instance, "2026-01-01", "2026-01-02")
    second = read_days(instance, "2026-01-02", "2026-01-03")
    prune(instance, LATER)
    assert runs(instance) == {first, second}
    assert [path for path in tmp_path.rglob("*") if first in path.name] == [], "only what stands is left of it"
    assert [day for day, status in statuses(instance).items() if status] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    last = read_days(instance, "2026-01-01", "2026-01-01")
    prune(instance, LATER)
    assert runs(instance) == {second, last}
    assert statuses(instance)["2026-01-01"] == "MATERIALIZED"


def test_young_runs_stay(instance):
    made = {read_days(instance, "2026-01-01", "2026-01-01") for _ in range(2)}
    prune(instance, timedelta(days=29))
    assert runs(instance) == made


def test_runs_that_found_nothing_go_first_unless_they_failed(instance):
    idle = read_days(instance, "2026-01-01", "2026-01-01", NOTHING)
    failed = read_days(instance, "2026-01-01", "2026-01-01", NOTHING, fail=True)
    busy = read_days(instance, "2026-01-01", "2026-01-01", CHANGES)
    last = read_days(instance, "2026-01-01", "2026-01-01", NOTHING)
    prune(instance, timedelta(days=3))
    assert runs(instance) == {failed, busy, last}
    assert idle not in runs(instance)


def test_the_last_result_of_a_check_outlives_its_run(instance):
    read_days(instance, "2026-01-01", "2026-01-01")
    read_days(instance, "2026-01-01", "2026-01-01", fail=True)  # a planned check is the last one, as Dagster counts
    read_days(instance, "2026-01-01", "2026-01-01")
    prune(instance, timedelta(days=2))
    storage = instance.event_log_storage
    stored = [record.status.value for record in storage.get_asset_check_execution_history(CHECK, limit=9)]
    assert stored.count("SUCCEEDED") == 2, "they are young"
    prune(instance, LATER)
    stored = [record.status.value for record in storage.get_asset_check_execution_history(CHECK, limit=9)]
    assert stored == ["SUCCEEDED"]
    assert storage.get_latest_asset_check_execution_by_key([CHECK])[CHECK].status.value == "SUCCEEDED"


def test_the_nightly_job_prunes(settings):
    settings.history = HistorySettings(keep_idle_days=0)
    definitions = build_definitions(settings)
    assert definitions.resolve_schedule_def("housekeeping_nightly").job_name == HOUSEKEEPING_JOB
    with open_instance(settings) as instance:
        read_days(instance, "2026-01-01", "2026-01-01", NOTHING)
        last = read_days(instance, "2026-01-01", "2026-01-01", NOTHING)
        job = definitions.resolve_job_def(HOUSEKEEPING_JOB)
        done = job.execute_in_process(instance=instance, op_selection=["prune_the_history"])
        assert runs(instance) == {last, done.run_id}


def test_a_run_that_found_something_is_no_idle_one_whatever_follows(instance):
    run_id = read_days(instance, "2026-01-01", "2026-01-01")
    for changes in (False, True, False):
        note_found(instance, run_id, changes=changes)
    assert instance.get_run_by_id(run_id).tags[FOUND_TAG] == CHANGES
