"""`order-pipeline reconcile` and `outbox publish`: do all places agree, and the outbox's copy made anew."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from order_pipeline.cli.output import fail, note
from order_pipeline.cli.tables import ENCODER, Wide, print_records, print_table, print_text
from order_pipeline.operations.store import OperationsStore, open_store
from order_pipeline.recovery.stores import require_agreement
from order_pipeline.settings import Settings, load_settings
from order_pipeline.warehouse.lake.connection import Lake

if TYPE_CHECKING:
    from order_pipeline.reconciliation.differences import Difference

COMPARED = {
    "records": "raw and core",
    "picks": "candidates and outbox",
    "copy": "outbox and its copy",
    "floor": "outbox and read-back",
}


def reconcile(
    days: Annotated[
        int | None, typer.Option(min=1, help="The last so many days. Default: SCHEDULE__RECONCILED_DAYS.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many differences are shown.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="One JSON object with every difference.")] = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
) -> None:
    """Compare raw, core, picks, outbox and floor; tell each difference and what heals it.

    \b
    records     each record of raw is in core, in quarantine, or of a day
                that core owes
    picks       each pick candidate is in the outbox, or left out by policy
    copy        each line of the outbox stands in core.pick_status, and each
                of that in the outbox
    floor       each accepted line is known by ScanOrders, as far as the
                read-back has seen
    waiting     what the next run brings on; no difference
    exit code   0: all agree. 1: there is a difference, or a store cannot be
                read. 2: a setting is wrong.

    Reads only, and asks no API. The schedule `reconciliation_daily` does the same, and an alert tells of a difference.
    """  # noqa: D301
    from order_pipeline.reconciliation.reconcile import reconcile_all  # noqa: PLC0415 - reads the contracts

    settings = load_settings()
    _require_stores(settings)
    require_agreement(settings)
    with closing(Lake(settings)) as lake, closing(OperationsStore(settings.resolved_operations_url)) as operations:
        found = reconcile_all(settings, lake, operations, datetime.now(UTC), days)
    if json:
        told = {"agrees": found.agrees, **msgspec.to_builtins(found)}
        sys.stdout.write(ENCODER.encode(told).decode() + "\n")
    else:
        print_text(f"Since {found.since}, compared in {found.seconds:.1f} s", style="bold")
        print_table(
            ["comparison", "compared", "waiting", "differences", "what is compared"],
            [
                (each.comparison, each.checked, each.waiting, len(each.differences), COMPARED[each.comparison])
                for each in found.comparisons
            ],
        )
        _print_differences(found.differences, limit, wide=wide)
    if not found.agrees:
        raise typer.Exit(1)


def publish() -> None:
    """Copy every line of the outbox to the lake again (core.pick_status), for lines of which the copy is wrong.

    Ordinary runs copy what has moved since the last copy. Nothing is sent.
    """
    from order_pipeline.picking.outbox.publish import publish as publish_outbox  # noqa: PLC0415

    settings = load_settings()
    _require_stores(settings)
    require_agreement(settings)
    with closing(Lake(settings)) as lake, open_store(settings.resolved_operations_url) as operations:
        copied = publish_outbox(lake, operations, everything=True)
    note(f"{copied:,} lines copied to core.pick_status")


def _print_differences(differences: list[Difference], limit: int, *, wide: bool) -> None:
    if not differences:
        return
    rows = [
        {
            "comparison": each.comparison,
            "reason": each.reason,
            "key": each.key,
            "channel": each.source,
            "day": each.day,
            "next": each.heal,
        }
        for each in differences[:limit]
    ]
    if wide:
        print_table(list(rows[0]), [list(row.values()) for row in rows], wide=True)
    else:
        print_records(rows, ("comparison", "reason"))
    if len(differences) > limit:
        note(f"{len(differences) - limit:,} more: --limit, or --json for all")


def _require_stores(settings: Settings) -> None:
    file = Lake(settings).catalog_file
    if file is not None and not file.exists():
        fail(f"There is no lake at {file}.", "Run the pipeline once, or check ORDER_PIPELINE_DATA_DIR.")
