"""What `doctor` says of the days that core owes: how many wait for later runs, and which failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from order_pipeline.cli.findings import Finding
from order_pipeline.settings import Settings


def look_at_owed_days(settings: Settings) -> Iterator[Finding]:
    """Each channel whose core is older than raw, and each day whose last build failed."""
    from order_pipeline.warehouse.core.failed_days import read_failed_days  # noqa: PLC0415
    from order_pipeline.warehouse.lake.connection import Lake, LakeError  # noqa: PLC0415
    from order_pipeline.warehouse.raw.owed_days import read_owed_days  # noqa: PLC0415

    lake = Lake(settings)
    try:
        if not lake.is_made():
            return
        with closing(lake.connect(read_only=True)) as connection:
            owed = read_owed_days(connection, marked_before=datetime.now(UTC))
            failed = read_failed_days(connection)
    except LakeError:
        return  # said above
    told = [f"{each.source} {each.days} ({each.first_day} to {each.last_day})" for each in owed]
    detail = f"{', '.join(told)}: each run builds {settings.schedule.slice_days}, the newest first"
    yield Finding("owed days", "waits" if owed else "ok", detail if owed else "core is as new as raw")
    for each in failed:
        yield Finding(
            f"{each.source} {each.day}",
            "failed",
            f"core could not be built in {each.attempts} runs: {each.error}",
            f"Mend the cause, then: order-pipeline run --source {each.source} --from {each.day} --to {each.day}",
        )
