"""`order-pipeline stores ...` and `outbox rebuild`: do the stores belong together, and a person's word about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from order_pipeline.cli.output import fail, note
from order_pipeline.cli.tables import print_text
from order_pipeline.operations.leases import LeaseHeldError
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.operators.resolve_waves import list_waves
from order_pipeline.recovery.judging import Found, judge, noted_lake_snapshot, noted_operations_mark
from order_pipeline.recovery.settling import Settled, finish, settle
from order_pipeline.recovery.stores import StoresDisagreeError, look, notes_of
from order_pipeline.settings import Settings, load_settings
from order_pipeline.warehouse.lake.connection import Lake

Moved = Annotated[bool, typer.Option("--moved", help="It was moved here as a whole, and nothing was sent since.")]
NewLake = Annotated[bool, typer.Option("--new-lake", help="The lake is lost without a backup: begin an empty one.")]


def show() -> None:
    """Show whose each store is, how far it has come, and how far the others know it to have come.

    Changes nothing. The exit code is 1 when the stores do not belong together; the command that ends it is named.
    """
    settings = load_settings()
    with _open(settings) as (operations, lake):
        try:
            found = look(settings, operations, lake)
        except StoresDisagreeError as error:
            fail(error.args[0], error.next_step)
    for line in describe(found):
        print_text(line)
    problem = judge(found)
    if problem is not None:
        fail(f"the {problem.store} does not belong to the others: {problem.found}.", "; ".join(problem.commands))


def describe(found: Found) -> Iterator[str]:
    """One line a store, within 80 columns."""
    store = found.operations
    if store is None or store.identity is None:
        yield f"operations store  {'does not exist' if store is None else 'has no name'}"
    else:
        identity = store.identity
        yield f"operations store  {identity.installation_id[:8]} epoch {identity.epoch}, {store.mark:,} pick events"
    lake = found.lake
    if lake is None or lake.identity is None:
        yield f"lake              {'does not exist' if lake is None else 'has no name'}"
    else:
        named = lake.identity
        yield f"lake              {named.installation_id[:8]} epoch {named.epoch}, snapshot {lake.snapshot:,}"
    for title, written in (("data directory", found.note), ("witness", found.witness)):
        if written is None:
            yield f"{title:<17} knows nothing"
        else:
            marks = f"{written.operations_mark} pick events, snapshot {written.lake_snapshot}"
            yield f"{title:<17} {written.installation_id[:8]} epoch {written.epoch}, knows {marks}"
    for title, noted in (("pick events", noted_operations_mark(found)), ("snapshot", noted_lake_snapshot(found))):
        if noted is not None:
            yield f"furthest known    {title} {noted[0]:,}, by the {noted[1]}"


def accept(
    moved: Moved = False,  # noqa: FBT002
    new_lake: NewLake = False,  # noqa: FBT002
) -> None:
    """Say that the stores which are here are the ones to go on with.

    \b
    A new epoch begins. What may have been sent without these stores knowing
    is not sent again: it becomes in doubt, and you answer with
    `outbox waves` and `outbox resolve-wave`. Schedules stay off until
    `stores settled`. Webhooks that landed lately land once more.
    After --new-lake run the days again that you need:
      order-pipeline run --from DAY --to DAY
    """  # noqa: D301
    _settle(is_moved=moved, new_lake=new_lake)


def rebuild() -> None:
    """Bring the outbox up to what the lake's copy of it knows (core.pick_status).

    \b
    For an operations store that is lost, emptied or older. Lines that the
    copy knows are as they were. Where the last emission did not end with a
    copy, what is due may be on the floor: it becomes in doubt, and you
    answer with `outbox waves` and `outbox resolve-wave`. Webhooks that were
    waiting in a lost store are lost: run the last days again.
    """  # noqa: D301
    _settle()


def settled() -> None:
    """Say that the gap after a restore is settled: the schedules follow ORDER_PIPELINE_SCHEDULE__ACTIVE again.

    Restart what serves Dagster afterwards. Lines that are still in doubt stay so.
    """
    settings = load_settings()
    with closing(OperationsStore(settings.resolved_operations_url)) as operations:
        operations.create_all()
        left = sum(wave["lines"] for wave in list_waves(operations))
    finish(settings)
    note(f"settled; {left:,} lines are still in doubt" if left else "settled; no line is in doubt after the restore")


def _settle(*, is_moved: bool = False, new_lake: bool = False) -> None:
    settings = load_settings()
    written = notes_of(settings).read()
    if written is not None and written.restoring:
        fail(f"A restore from {written.restoring} did not finish.", "order-pipeline restore DIR --replace")
    with _open(settings) as (operations, lake):
        try:
            result = settle(settings, operations, lake, is_moved=is_moved, new_lake=new_lake)
        except StoresDisagreeError as error:
            fail(error.args[0], error.next_step)
        except LeaseHeldError as error:
            fail(str(error), "Stop the pipeline first: schedules, runs, the receiver.")
    tell(result)


def tell(result: Settled) -> None:
    """Say what a restore did to the outbox, and what is left to a person."""
    note(f"epoch {result.epoch}: {result.rebuilt.added:,} lines added, {result.rebuilt.updated:,} brought up to date")
    if result.rebuilt.payload_unknown:
        note(f"{result.rebuilt.payload_unknown:,} lines are on the floor with a content nobody knows: outbox tasks")
    if result.webhooks_reopened:
        note(f"{result.webhooks_reopened:,} webhooks land once more")
    if not result.has_gap:
        note("Everything that was sent is known: nothing is in doubt.")
        note("If schedules are off: order-pipeline stores settled")
        return
    note("What was ordered until now and is due may be on the floor already.\nSchedules are off. Next:")
    for step in (
        "order-pipeline run                  reads the channels, sends later orders",
        "order-pipeline outbox waves         what is in doubt, by wave",
        "order-pipeline outbox resolve-wave  after a look at the ScanOrders screen",
        "order-pipeline stores settled       the schedules run again",
    ):
        note(f"  {step}")


@contextmanager
def _open(settings: Settings) -> Iterator[tuple[OperationsStore, Lake]]:
    with closing(OperationsStore(settings.resolved_operations_url)) as operations, closing(Lake(settings)) as lake:
        yield operations, lake
