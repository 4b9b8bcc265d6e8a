"""The standing sensor of alerts: every few minutes it looks for what is wrong, and tells what began and what ended."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

import dagster as dg

from order_pipeline.alerts.kinds import Kind
from order_pipeline.alerts.last_resort import tell_that_it_is_back, tell_without_store
from order_pipeline.alerts.looks.stores import store_looks
from order_pipeline.alerts.messengers import messengers_of
from order_pipeline.alerts.watch import Look, watch
from order_pipeline.operations.incidents import open_incidents
from order_pipeline.operations.store import OperationsStore, open_store
from order_pipeline.orchestration import daemon, failed_runs, red_checks
from order_pipeline.orchestration.assets.picking import COMPLETED_CHECK, DOUBTS_CHECK
from order_pipeline.settings import Settings

SENSOR = "alerts"
CHECKS_WITH_A_LOOK = frozenset({DOUBTS_CHECK, COMPLETED_CHECK})


def build_alerts_sensor(
    settings: Settings, assets: Collection[dg.AssetsDefinition], status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    """The sensor; it starts no run."""
    keys = check_keys_of(assets)

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=settings.alerts.seconds_between_looks,
        default_status=status,
        description="Tells once when something is wrong, and once when it is over (docs/operating.md).",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        return dg.SkipReason(look_once(settings, context.instance, keys, is_daemon=True))

    return alerts


def check_keys_of(assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetCheckKey]:
    """The checks that are looked at: all but those whose matter has a look of its own."""
    return red_checks.check_keys_of(assets, CHECKS_WITH_A_LOOK)


def look_once(
    settings: Settings, instance: dg.DagsterInstance, keys: Collection[dg.AssetCheckKey], *, is_daemon: bool = False
) -> str:
    """Look, remember, tell; returns what was done, for the tick's page.

    Args:
        settings: where the stores are, what is late, by whom messages go out.
        instance: with runs, checks and the daemon's heartbeats.
        keys: the checks to look at.
        is_daemon: it is the daemon that looks, so it lives.

    Raises:
        Exception: what the operations store raised; people are told.
    """
    messengers, ui_url = messengers_of(settings), settings.alerts.ui_url
    try:
        with open_store(settings.resolved_operations_url) as store:
            now = datetime.now(UTC)
            looks = [*store_looks(settings, store, now), *dagster_looks(instance, store, keys, now)]
            if not is_daemon:
                looks.append(
                    Look("the daemon", daemon.KINDS, lambda: daemon.find_stopped_daemon(settings, instance, now))
                )
            changes, delivered = watch(settings, store, looks, messengers)
            still_open = len(open_incidents(store))
    except Exception as error:
        tell_without_store(settings.data_dir, messengers, ui_url, error)
        raise
    tell_that_it_is_back(settings.data_dir, messengers, ui_url)
    failed = "".join(f" {name} could not bring a message: {why}." for name, why in delivered.failed.items())
    return f"open incidents: {still_open}, new: {len(changes.opened)}, over: {len(changes.closed)}.{failed}"


def dagster_looks(
    instance: dg.DagsterInstance, store: OperationsStore, keys: Collection[dg.AssetCheckKey], now: datetime
) -> list[Look]:
    """The looks at Dagster's runs and checks."""

    def known() -> set[str]:
        return {row["run_id"] for row in open_incidents(store) if row["kind"] == Kind.RUN_FAILED and row["run_id"]}

    return [
        Look("the runs", failed_runs.KINDS, lambda: failed_runs.find_failed_runs(instance, now, known())),
        Look("the checks", red_checks.KINDS, lambda: red_checks.find_red_checks(instance, keys, now)),
    ]
