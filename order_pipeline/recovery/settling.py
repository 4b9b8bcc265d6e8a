"""Begins a new epoch after stores were lost, put back or restored, and says what may be on the floor unknown to us.

What `core.pick_status` knows is brought into the outbox first. What was sent is then all known where the outbox is as
new as every note of it, or where the lake's copy is. Otherwise there is a gap: lines that are due become in doubt
(`picking.outbox.gap`).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb
import msgspec
from sqlalchemy import update

from order_pipeline.operations.inbox import webhook_inbox
from order_pipeline.operations.installation import (
    OperationsIdentity,
    operations_mark,
    read_identity,
    replace_identity,
)
from order_pipeline.operations.installation_note import Note, this_installation_machine
from order_pipeline.operations.leases import acquire, describe_holder, release
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.outbox.payload import payload_text
from order_pipeline.picking.outbox.rebuild import Rebuilt, bring_up_to_date, read_pick_status
from order_pipeline.picking.outbox.states import Actor
from order_pipeline.picking.outbox.store import Context
from order_pipeline.picking.planning.pick_lines import build_payload, pick_lines_from_rows, settings_for
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.picking.sending.read_pick_list import read_pick_list
from order_pipeline.recovery.judging import (
    Found,
    Problem,
    installation_ids,
    lake_lost,
    newest_epoch,
    witnessed_operations_mark,
)
from order_pipeline.recovery.stores import StoresDisagreeError, look, notes_of
from order_pipeline.settings import Settings
from order_pipeline.warehouse.installation import LakeIdentity, read_lake_state, replace_lake_identity
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate

RUN_ID = "by hand"
REOPEN_MARGIN = timedelta(minutes=10)
"""Webhooks that landed so shortly before the lake's last commit land once more: raw takes the same content once."""


@dataclass(slots=True, kw_only=True)
class Settled:
    """What was done. `has_gap`: what was ordered before now and is due becomes in doubt when the next plan is made."""

    epoch: int
    has_gap: bool
    rebuilt: Rebuilt = field(default_factory=Rebuilt)
    webhooks_reopened: int = 0


def settle(
    settings: Settings,
    operations: OperationsStore,
    lake: Lake,
    *,
    is_moved: bool = False,
    new_lake: bool = False,
    schedules_off: bool = False,
) -> Settled:
    """Make the stores that are here one installation again, in a new epoch.

    Args:
        settings: that name the stores.
        operations: the operations store; a missing one is made.
        lake: the lake.
        is_moved: a person says that this is the newest state and nothing was sent since.
        new_lake: a person says that the lake is lost and begins anew.
        schedules_off: schedules stay off until `finish`, also where nothing is in doubt.

    Raises:
        StoresDisagreeError: the stores are of different installations, or there is no lake.
        LeaseHeldError: an emitter is at work.
    """
    found = look(settings, operations, lake)
    _require_settleable(found, new_lake=new_lake)
    operations.create_all()
    migrate(lake)
    has_gap = not (is_moved or _is_all_known(found))
    result = Settled(epoch=newest_epoch(found) + 1, has_gap=has_gap)
    lease = acquire(operations, LEASE_NAME, describe_holder(RUN_ID), settings.picking.lease_seconds)
    try:
        _settle_operations(settings, operations, lake, found, result)
    finally:
        release(operations, lease)
    _name_anew(settings, operations, lake, result, schedules_off=schedules_off or result.has_gap)
    return result


def finish(settings: Settings) -> None:
    """Let the schedules follow their setting again."""
    notes = notes_of(settings)
    note = notes.read()
    if note is not None:
        notes.write(msgspec.structs.replace(note, schedules_off=False))


def schedules_are_off(settings: Settings) -> bool:
    """Whether a restore switched the schedules off until a person says that the gap is settled."""
    note = notes_of(settings).read()
    return note is not None and note.schedules_off


def _require_settleable(found: Found, *, new_lake: bool) -> None:
    named = installation_ids(found)
    if len(set(named.values())) > 1:
        texts = ", ".join(f"{place}: {name[:8]}" for place, name in named.items())
        advice = "correct ORDER_PIPELINE_DATA_DIR, __CATALOG, OPERATIONS_URL"
        raise StoresDisagreeError(Problem("stores", f"they are of different installations ({texts})", (advice,)))
    problem = None if new_lake else lake_lost(found)
    if problem is not None:
        raise StoresDisagreeError(problem)


def _is_all_known(found: Found) -> bool:
    """Whether everything that was ever sent is in the outbox that is here, or in the lake's copy of it.

    Only what was noted beside the stores can say so, on the machine where they were, in the epoch that they are of.
    """
    witnessed = witnessed_operations_mark(found)
    is_here = found.note is not None and found.note.machine in {None, found.machine}
    if not is_here or witnessed is None:
        return False
    epoch = newest_epoch(found)
    store = found.operations.identity if found.operations else None
    if found.operations and store is not None and store.epoch == epoch and found.operations.mark >= witnessed:
        return True
    lake = found.lake.identity if found.lake else None
    return lake is not None and lake.epoch == epoch and (lake.operations_mark or 0) >= witnessed


def _settle_operations(
    settings: Settings, operations: OperationsStore, lake: Lake, found: Found, result: Settled
) -> None:
    rows, payloads = _known_to_the_lake(settings, operations, lake)
    landed_until = _last_commit(lake)
    names = set(installation_ids(found).values())
    with operations.writing() as connection:
        now = operations.now(connection)
        context = Context(actor=Actor.RECOVERY, run_id=RUN_ID, at=now)
        result.rebuilt = bring_up_to_date(connection, rows, payloads, context)
        before = read_identity(connection)
        keeps_gap = before is not None and before.has_gap and not result.has_gap
        result.has_gap = result.has_gap or keeps_gap
        replace_identity(
            connection,
            OperationsIdentity(
                installation_id=names.pop() if names else _name_of(before),
                epoch=result.epoch,
                restored_at=now,
                has_gap=result.has_gap,
                restored_mark=before.restored_mark if before and keeps_gap else operations_mark(connection),
            ),
        )
        reopened = connection.execute(
            update(webhook_inbox)
            .where(webhook_inbox.c.landed_at > landed_until - REOPEN_MARGIN)
            .values(landed_at=None, landed_run_id=None)
        )
        result.webhooks_reopened = reopened.rowcount


def _name_of(before: OperationsIdentity | None) -> str:
    if before is not None:
        return before.installation_id
    return uuid.uuid4().hex


def _known_to_the_lake(
    settings: Settings, operations: OperationsStore, lake: Lake
) -> tuple[list[dict[str, object]], dict[str, str]]:
    """The rows of `core.pick_status`, and the payloads that the list of picks would send now (none without marts)."""
    with lake.snapshot() as connection:
        rows = read_pick_status(connection)
    try:
        picks = pick_lines_from_rows(read_pick_list(lake, operations).rows)
    except duckdb.CatalogException:
        return rows, {}
    floors = settings.floor_settings
    return rows, {line.pick_id: payload_text(build_payload(line, settings_for(line, floors))) for line in picks}


def _last_commit(lake: Lake) -> datetime:
    with lake.snapshot() as connection:
        row = connection.execute("SELECT max(snapshot_time) FROM lake.snapshots()").fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return row[0]


def _name_anew(
    settings: Settings, operations: OperationsStore, lake: Lake, result: Settled, *, schedules_off: bool
) -> None:
    """The same name and the new epoch in the lake and in the notes. Killed in between, the command is run again."""
    with operations.reading() as connection:
        identity = read_identity(connection)
        mark = operations_mark(connection)
    assert identity is not None  # noqa: S101 - it was written above
    name = identity.installation_id
    replace_lake_identity(lake, LakeIdentity(installation_id=name, epoch=result.epoch, operations_mark=mark))
    state = read_lake_state(lake)
    notes_of(settings).write(
        Note(
            installation_id=name,
            epoch=result.epoch,
            operations_mark=mark,
            lake_snapshot=state.snapshot if state else None,
            machine=this_installation_machine(),
            schedules_off=schedules_off,
        )
    )
