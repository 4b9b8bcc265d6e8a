"""`order-pipeline upgrade` and `rebuild`: the stores after a new version of the project was installed."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from order_pipeline.cli.demo_sandbox import as_filled
from order_pipeline.cli.doctor_files import private_directories
from order_pipeline.cli.output import fail, note
from order_pipeline.cli.run import DAY_FORMATS, chosen_sources, chosen_window
from order_pipeline.cli.tables import print_text
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.versions import StoreVersionError
from order_pipeline.private_files import close_to_others, open_to_others
from order_pipeline.recovery.upgrading import UpgradePlan, plan_stores, rewrite_catalog
from order_pipeline.settings import Settings, load_settings
from order_pipeline.warehouse.lake.catalog import CatalogFormatError
from order_pipeline.warehouse.lake.connection import Lake

if TYPE_CHECKING:
    from order_pipeline.orchestration.resource import PipelineResource


def upgrade(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this nothing is changed.")] = False,  # noqa: FBT002
) -> None:
    """Say what the stores lack for this version of the project; with --yes, do it.

    \b
    Runs and the receiver do the same by themselves when they start: only
    additions are made. What cannot be done by itself is said, and nothing is
    changed then. A killed upgrade is run again.
    Also listed: days of core that older SQL built, and what builds them again.
    """  # noqa: D301
    from order_pipeline.orchestration.resource import PipelineResource  # noqa: PLC0415 - reads the SQL project

    settings = load_settings()
    _close_files(settings, mend=yes)
    _require_format(settings, rewrite=yes)
    pipeline = PipelineResource(settings)
    with closing(pipeline.lake), closing(pipeline.operations):
        plan = _plan(pipeline.operations, pipeline.lake)
        for line in plan.in_words():
            print_text(line)
        if plan.lake.refused:
            _refuse(plan)
        if plan.operations.version is None and plan.lake.version is None:
            return
        if yes and not plan.is_current:
            pipeline.prepare_stores()
            pipeline.deploy_models()
            note("upgraded")
        _tell_outdated_days(pipeline)
    if not plan.is_current and not yes:
        note("Nothing was changed. Next:")
        note("  order-pipeline backup DIR       while this is the version that reads it")
        note("  order-pipeline upgrade --yes    or let the next run do it")


def rebuild(
    source: Annotated[str | None, typer.Option(help="Build days of this channel, whatever SQL built them.")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=DAY_FORMATS, help="The first of them.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=DAY_FORMATS, help="The last, included.")] = None,
) -> None:
    """Build days of core again from what is stored; asks no channel anything. Default: those that older SQL built.

    \b
    The Dagster jobs `rebuild_job` and `<channel>_core_job` are the same, in
    the background. Runs go on meanwhile. Without days: it may be stopped and
    started again, the newest days come first, and it goes on with what is
    left.
    """  # noqa: D301
    from order_pipeline.cli.materialise import open_job_runner  # noqa: PLC0415 - see there
    from order_pipeline.orchestration.jobs import core_job_name  # noqa: PLC0415
    from order_pipeline.orchestration.rebuild_job import REBUILD_JOB  # noqa: PLC0415

    settings = as_filled(load_settings())
    window = None
    if source is not None or first is not None or last is not None:
        if source is None or first is None or last is None:
            fail("A channel and its first and last day go together.", "--source NAME --from DAY --to DAY", code=2)
        chosen_sources(settings, [source])
        window = chosen_window(settings, first.date(), last.date())
    _require_a_lake(settings)
    with open_job_runner(settings, "order-pipeline rebuild") as runner:
        if window is not None and source is not None:
            outcome = runner.run(core_job_name(source), window)
        elif not _outdated(runner.pipeline):
            note("No day was built by older SQL.")
            return
        else:
            outcome = runner.run(REBUILD_JOB)
    if not outcome.success:
        fail("not every day could be built (above).", "Mend the cause and run the command again.")


def _close_files(settings: Settings, *, mend: bool) -> None:
    """Take the rights of others away, or say what is open: versions before this one left it to the system's default."""
    for what, directory in private_directories(settings).items():
        count = len(list(open_to_others(directory)))
        if not count:
            continue
        note(f"{what}: {count} files and directories open to other users")
        if mend:
            left = close_to_others(directory)
            note(f"closed: {count - len(left)} (0700, 0600)")
            if left:
                note(f"belong to somebody else, and are open still: {len(left)}, for example {left[0]}")


def _require_format(settings: Settings, *, rewrite: bool) -> None:
    """End the command where an older DuckLake wrote the catalog, unless it is to be rewritten."""
    lake = Lake(settings)
    try:
        if lake.is_made():
            with closing(lake), lake.snapshot():
                return
    except CatalogFormatError as error:
        if not rewrite:
            note("Rewriting it is one way: an earlier version of the project cannot read it afterwards.")
            fail(error.args[0], "Back up with the earlier version, then: order-pipeline upgrade --yes")
        copy = rewrite_catalog(settings, error)
        note(f"catalog rewritten in format {error.wanted}" + (f"; as it was: {copy.name}" if copy else ""))


def _outdated(pipeline: PipelineResource) -> dict[str, list[date]]:
    from order_pipeline.warehouse.core.outdated import outdated_days  # noqa: PLC0415

    channels = pipeline.settings.enabled_channels()
    return outdated_days(pipeline.lake, pipeline.project, [channel.name for channel in channels])


def _tell_outdated_days(pipeline: PipelineResource) -> None:
    """The days, as ranges, and the one command and the one job that build them again."""
    found = _outdated(pipeline)
    if not found:
        note("Every day of core was built by this version's SQL.")
        return
    note("Built by older SQL, still used, and to be built again:")
    for source, days in found.items():
        told = f"{len(days):,} days, {days[-1]} to {days[0]}" if len(days) > 1 else f"1 day, {days[0]}"
        print_text(f"  {source:<11} {told}")
    note("Next: order-pipeline rebuild, or the Dagster job rebuild_job in the background")


def _require_a_lake(settings: Settings) -> None:
    file = Lake(settings).catalog_file
    if file is not None and not file.exists():
        fail(f"There is no lake at {file}.", "Run the pipeline once, or check ORDER_PIPELINE_DATA_DIR.")


def _plan(operations: OperationsStore, lake: Lake) -> UpgradePlan:
    try:
        return plan_stores(operations, lake)
    except StoreVersionError as error:
        fail(error.args[0], error.next_step)


def _refuse(plan: UpgradePlan) -> None:
    try:
        plan.lake.require_possible()
    except StoreVersionError as error:
        fail(error.args[0], error.next_step)
