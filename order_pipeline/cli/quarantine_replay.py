"""`order-pipeline quarantine replay`: a new try for rejected rows, once what broke them is mended."""

from __future__ import annotations

from contextlib import closing

from order_pipeline.cli.building_days import build_days
from order_pipeline.cli.demo_sandbox import as_filled
from order_pipeline.cli.materialise import open_job_runner
from order_pipeline.cli.output import NO_LAKE_YET, fail, note
from order_pipeline.cli.quarantine import Source
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import Lake, LakeError

OPEN_SQL = "SELECT 1 FROM quarantine.rejects WHERE resolved_at IS NULL"


def replay(source: Source = None) -> None:
    """Build the days of all open rejects again from what is stored, through Dagster; no channel is asked anything.

    For use after a mapping, a rule or the SQL was mended. Rows that pass now reach core and leave the quarantine; those
    whose data is wrong at the source stay until a fetch brings a better version. Rejects without a day, and of days
    before ORDER_PIPELINE_SCHEDULE__FIRST_DAY, are looked at too.
    """
    from order_pipeline.warehouse.core.days_of_rejects import days_of_rejects  # noqa: PLC0415 - see `materialise`

    settings = as_filled(load_settings())
    file = Lake(settings).catalog_file
    if file is not None and not file.exists():
        fail(f"There is no lake at {file} yet.", NO_LAKE_YET)
    try:
        with closing(Lake(settings)) as lake:
            days = days_of_rejects(lake, source)
    except LakeError as error:
        fail(str(error), error.next_step or NO_LAKE_YET)
    if not days:
        note("Nothing is in quarantine.")
        return
    with open_job_runner(settings, "order-pipeline quarantine replay") as runner:
        all_built = build_days(runner, settings, days)
    still_open = len(Lake(settings).query(OPEN_SQL).rows)
    note(f"{still_open} rejects are still open; `order-pipeline quarantine list` shows them.")
    if not all_built:
        fail("not every day could be built (above).", "Mend the cause and run the command again.")
