"""Events that are stored in batches tell the UI what events that are stored one by one tell it."""

# pyright: reportUnknownMemberType=false

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from order_pipeline.channels.base import Window
from order_pipeline.orchestration.event_log import BATCH_SIZE_VARIABLE, BatchedEventLogStorage
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.partitions import range_tags
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

pytestmark = pytest.mark.costly

ORDERS, LINES = dg.AssetKey("orders"), dg.AssetKey("lines")
MARCH = Window(date(2026, 3, 1), date(2026, 4, 1))
NEXT_WEEK = Window(date(2026, 4, 1), date(2026, 4, 8))


@dg.multi_asset(
    specs=[dg.AssetSpec(key, partitions_def=dg.DailyPartitionsDefinition("2026-01-01")) for key in (ORDERS, LINES)],
    check_specs=[dg.AssetCheckSpec("sound", asset=ORDERS)],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def build(context: dg.AssetExecutionContext) -> Any:
    """Two assets for every day; it fails where a run has the tag."""
    for day in context.partition_keys:
        context.add_asset_metadata({"day": day}, asset_key=ORDERS, partition_key=day)
    yield dg.MaterializeResult(ORDERS, check_results=[dg.AssetCheckResult(passed=True)])
    if "fails" in context.run.tags:
        raise RuntimeError("half-way")
    yield dg.MaterializeResult(LINES)


def told(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What the UI reads: states of partitions, their metadata, the assets' last events, the checks."""
    job = dg.Definitions(assets=[build]).resolve_implicit_global_asset_job_def()
    runs = [
        job.execute_in_process(
            instance=instance, tags={**range_tags(window), **tags}, raise_on_error=False, run_id=run_id
        )
        for run_id, window, tags in [
            ("11111111-0000-4000-8000-000000000000", MARCH, {}),
            ("22222222-0000-4000-8000-000000000000", NEXT_WEEK, {"fails": "yes"}),
        ]
    ]
    storage = instance.event_log_storage
    checks = storage.get_asset_check_execution_history(dg.AssetCheckKey(ORDERS, "sound"), limit=9)
    records = {record.asset_entry.asset_key.to_user_string(): record for record in storage.get_asset_records()}
    found = instance.fetch_materializations(ORDERS, limit=100).records
    return {
        "ended well": [run.success for run in runs],
        "done": {key: storage.get_materialized_partitions(key) for key in (ORDERS, LINES)},
        "failed": {
            key: sorted(storage.get_latest_asset_partition_materialization_attempts_without_materializations(key))
            for key in (ORDERS, LINES)
        },
        "metadata": [each.asset_materialization.metadata["day"].value for each in found if each.asset_materialization],
        "last": {
            key: (record.asset_entry.last_materialization.get_dagster_event().partition, record.asset_entry.last_run_id)
            for key, record in records.items()
            if record.asset_entry.last_materialization
        },
        "checks": [(check.status, check.run_id, bool(check.event)) for check in checks],
        "events": [
            [
                (entry.get_dagster_event().event_type_value, entry.get_dagster_event().partition)
                for entry in entries
                if entry.dagster_event
            ]
            for entries in (instance.all_logs(run.run_id) for run in runs)
        ],
    }


def test_batches_tell_what_single_events_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BATCH_SIZE_VARIABLE, raising=False)
    (tmp_path / "single").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "single")) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage
        single = told(instance)
    with open_instance(settings_in(tmp_path / "batched")) as instance:
        assert type(instance.event_log_storage) is BatchedEventLogStorage
        batched = told(instance)
    assert len(single["done"][LINES]) == 31
    assert len(single["failed"][LINES]) == 7
    assert batched == single


def test_many_days_take_few_transactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = list[str]()
    original = SqliteEventLogStorage._connect

    def count(storage: SqliteEventLogStorage, shard: str) -> Any:
        connected.append(shard)
        return original(storage, shard)

    monkeypatch.setattr(SqliteEventLogStorage, "_connect", count)
    job = dg.Definitions(assets=[build]).resolve_implicit_global_asset_job_def()
    needed = list[int]()
    with open_instance(settings_in(tmp_path)) as instance:
        for days in (1, 60):
            connected.clear()
            tags = range_tags(Window(date(2026, 1, 1), date.fromordinal(date(2026, 1, 1).toordinal() + days)))
            assert job.execute_in_process(instance=instance, tags=tags).success
            needed.append(len(connected))
    assert needed[1] < needed[0] + 10
