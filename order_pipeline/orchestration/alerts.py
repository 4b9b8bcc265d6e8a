"""Alerts: one JSON line for every failed run, in `<data_dir>/alerts.jsonl` and in the log.

Mail, chat or pager read that file, or replace `record_alert`. Error texts are redacted before they come here: the
transport and the emitter put no credentials and no personal data into them.
"""

# pyright: reportUnknownMemberType=false

import json
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from order_pipeline.orchestration.launch import stated_cause
from order_pipeline.settings import Settings

ALERTS_NAME = "alerts.jsonl"


def record_alert(data_dir: Path, *, job: str, run_id: str, message: str, next_step: str) -> Path:
    """Append one alert; return the file it went to."""
    path = data_dir / ALERTS_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "job": job,
        "run_id": run_id,
        "message": message,
        "next_step": next_step,
    }
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line, ensure_ascii=False) + "\n")
    return path


def build_failure_alerts(settings: Settings, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor that records an alert for every failed run of this code location."""

    @dg.run_failure_sensor(
        name="failed_runs_alert",
        description="Writes one line to alerts.jsonl in the data directory for every run that failed.",
        default_status=status,
    )
    def failed_runs_alert(context: dg.RunFailureSensorContext) -> None:
        errors = [
            stated_cause(event.step_failure_data.error)
            for event in context.get_step_failure_events()
            if event.step_failure_data.error is not None
        ]
        message = "; ".join(errors) or context.failure_event.message or "the run failed without a step failing"
        record_alert(
            settings.data_dir,
            job=context.dagster_run.job_name,
            run_id=context.dagster_run.run_id,
            message=message,
            next_step="Open the run in the UI, mend the cause, run the same partitions again: nothing is doubled.",
        )
        context.log.error("%s failed: %s", context.dagster_run.job_name, message)

    return failed_runs_alert
