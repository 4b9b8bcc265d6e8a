"""`order-pipeline quarantine replay`: a new try for rejected rows, once what broke them is mended."""

from __future__ import annotations

from datetime import date

from order_pipeline.cli.materialise import open_job_runner
from order_pipeline.cli.output import NO_LAKE_YET, fail, note
from order_pipeline.cli.quarantine import Source
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import Lake, LakeError

OPEN_SQL = "SELECT 1 FROM quarantine.rejects WHERE resolved_at IS NULL"
OPEN_DAYS_SQL = """
SELECT DISTINCT source, order_day FROM quarantine.rejects
WHERE resolved_at IS NULL AND order_day IS NOT NULL ORDER BY ALL
"""


def replay(source: Source = None) -> None:
    """Build the days of all open rejects again from what is stored, through Dagster; no channel is asked anything.

    For use after a mapping, a rule or the SQL was mended. Rows that pass now reach core and leave the quarantine; those
    whose data is wrong at the source stay until a fetch brings a better version.
    """
    from order_pipeline.orchestration.jobs import core_job_name  # noqa: PLC0415 - see `materialise`
    from order_pipeline.orchestration.partitions import unbroken_windows  # noqa: PLC0415

    settings = load_settings()
    try:
        found = Lake(settings).query(OPEN_DAYS_SQL).rows
    except LakeError as error:
        fail(str(error), error.next_step or NO_LAKE_YET)
    days: dict[str, list[date]] = {}
    for name, day in found:
        if source in {None, name}:
            days.setdefault(name, []).append(day)
    if not days:
        note("Nothing is in quarantine.")
        return
    jobs = [(core_job_name(name), window) for name, each in days.items() for window in unbroken_windows(each)]
    with open_job_runner(settings, "order-pipeline quarantine replay") as runner:
        outcomes = [runner.run(name, window) for name, window in jobs]
    still_open = len(Lake(settings).query(OPEN_SQL).rows)
    note(f"{still_open} rejects are still open; `order-pipeline quarantine list` shows them.")
    if not all(outcome.success for outcome in outcomes):
        fail("not every day could be built (above).", "Mend the cause and run the command again.")
