"""Builds days of core again from raw: what `replay` and `quarantine replay` share."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING

from order_pipeline.cli.output import note
from order_pipeline.settings import Settings

if TYPE_CHECKING:
    from order_pipeline.cli.materialise import JobRunner


def build_days(runner: JobRunner, settings: Settings, days: Mapping[str, Collection[date]]) -> bool:
    """Build the days: as partitions through Dagster, and those before the first partition without; did all go well.

    Raw may hold days before `schedule.first_day`: a channel answers with an old order that changed.
    """
    from order_pipeline.orchestration.jobs import core_job_name  # noqa: PLC0415 - see `materialise`
    from order_pipeline.orchestration.partitions import unbroken_windows  # noqa: PLC0415

    first = date.fromisoformat(settings.schedule.first_day)
    all_built = True
    for source, of_source in days.items():
        for window in unbroken_windows(day for day in of_source if day >= first):
            all_built &= runner.run(core_job_name(source), window).success
        older = sorted((day for day in of_source if day < first), reverse=True)
        if older:
            result = runner.pipeline.build_core(source, older, f"replay-{uuid.uuid4().hex}", anew=True)
            note(f"{source}: {len(result.days):,} days before {first} built, {result.rejected_rows:,} rejected rows")
            all_built &= not result.failed_days
    return all_built
