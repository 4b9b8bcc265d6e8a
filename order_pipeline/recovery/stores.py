"""Checks that the stores belong together before anything writes or sends, and writes down how far they have come.

Reasons and limits are in docs/decisions/0030-stores-know-each-other.md; `judging` decides.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, inspect, make_url, select

from order_pipeline.operations import installation as operations_installation
from order_pipeline.operations.installation import OperationsIdentity
from order_pipeline.operations.installation_note import InstallationNotes, Note, this_installation_machine
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import pick_outbox
from order_pipeline.recovery.judging import (
    DEMO_MARK,
    LAKE,
    OPERATIONS,
    RESTORE,
    Found,
    OperationsState,
    Problem,
    installation_ids,
    judge,
    newest_epoch,
)
from order_pipeline.settings import Settings
from order_pipeline.warehouse.installation import LakeFilesMissingError, name_lake, read_lake_state
from order_pipeline.warehouse.lake.connection import Lake


class StoresDisagreeError(RuntimeError):
    """A store is missing, empty, foreign or older than its neighbours; nothing was done."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(
            f"Stopped before anything was read or sent: the {problem.store} does not belong to the other stores; "
            f"{problem.found}."
        )
        self.problem = problem
        self.next_step = "; ".join(problem.commands) + ". What each does: docs/operating.md"

    def __str__(self) -> str:
        return f"{self.args[0]} | next: {self.next_step}"


def notes_of(settings: Settings) -> InstallationNotes:
    """The note of the data directory, and its witness."""
    return InstallationNotes(settings.data_dir.resolve(), settings.resolved_witness_dir)


def look(settings: Settings, operations: OperationsStore, lake: Lake | None) -> Found:
    """Read what each store says of itself. A store that does not exist is not made.

    What is noted of a store is read before the store itself, so that a writer at work in between shows as progress.

    Args:
        settings: that name the stores.
        operations: the operations store.
        lake: the lake; None where the caller must not touch it.

    Raises:
        StoresDisagreeError: the lake's catalog lists files that are not there.
        DamagedNoteError: the note cannot be read.
    """
    notes = notes_of(settings)
    note = notes.read()
    is_there = _exists(settings, operations)
    identity = _identity_of(operations) if is_there else None
    named = note.installation_id if note else identity.installation_id if identity else None
    witness = notes.witness(named) if named else None
    try:
        state = None if lake is None else read_lake_state(lake)
    except LakeFilesMissingError as error:
        raise StoresDisagreeError(Problem(LAKE, str(error), (RESTORE,))) from error
    return Found(
        note=note,
        witness=witness,
        operations=_operations_state(operations, identity) if is_there else None,
        lake=state,
        looked_at_lake=lake is not None,
        machine=this_installation_machine(),
        operations_are_local=operations.is_sqlite,
        is_demo=settings.demo_world_file.exists(),
        outside=_outside(settings),
    )


def _outside(settings: Settings) -> tuple[str, ...]:
    named = {OPERATIONS: settings.operations_url, LAKE: settings.lake.catalog}
    return tuple(place for place, address in named.items() if address is not None)


def _exists(settings: Settings, store: OperationsStore) -> bool:
    return not store.is_sqlite or Path(str(make_url(settings.resolved_operations_url).database)).exists()


def _identity_of(store: OperationsStore) -> OperationsIdentity | None:
    with store.reading() as connection:
        if not inspect(connection).has_table(operations_installation.installation.name):
            return None
        return operations_installation.read_identity(connection)


def _operations_state(store: OperationsStore, identity: OperationsIdentity | None) -> OperationsState:
    with store.reading() as connection:
        if not inspect(connection).has_table(pick_outbox.name):
            return OperationsState(identity=identity, mark=0, picks=0, planned_from=None)
        mark = operations_installation.operations_mark(connection)
        if identity is not None:  # its mark tells all, and every run looks: lines are counted for an adoption alone
            return OperationsState(identity=identity, mark=mark, picks=0, planned_from=None)
        counted = select(func.count(), func.max(pick_outbox.c.snapshot_id)).select_from(pick_outbox)
        picks, planned_from = connection.execute(counted).one()
    return OperationsState(identity=identity, mark=mark, picks=picks, planned_from=planned_from)


def require_stores_agree(settings: Settings, operations: OperationsStore, lake: Lake | None = None) -> Found:
    """Let the caller go on only where the stores belong together; returns what was found.

    Args:
        settings: that name the stores.
        operations: the operations store; nothing is made in it.
        lake: the lake; None checks the operations store against the notes alone.

    Raises:
        StoresDisagreeError: one of them is missing, empty, foreign or older than its neighbours.
        DamagedNoteError: the note cannot be read.
    """
    found = look(settings, operations, lake)
    problem = judge(found)
    if problem is not None:
        raise StoresDisagreeError(problem)
    return found


def require_agreement(settings: Settings) -> None:
    """The same for a command that opens its own stores afterwards.

    Raises:
        StoresDisagreeError: one of them is missing, empty, foreign or older than its neighbours.
    """
    with closing(OperationsStore(settings.resolved_operations_url)) as operations, closing(Lake(settings)) as lake:
        require_stores_agree(settings, operations, lake)


def record_stores(settings: Settings, operations: OperationsStore, lake: Lake | None, found: Found) -> None:
    """Name what has no name yet, and note how far each store has come. Called after `require_stores_agree`.

    The operations store is named first, because it decides when several processes start at once. A crash in between
    leaves stores without a name of which nobody has a note: the next start names them.
    """
    named = sorted(set(installation_ids(found).values()))
    identity = operations_installation.name_store(
        operations, named[0] if named else _new_name(found), newest_epoch(found)
    )
    if lake is not None and (found.lake is None or found.lake.identity is None):
        name_lake(lake, identity.installation_id, identity.epoch)
    note_progress(settings, operations, lake)


def note_progress(settings: Settings, operations: OperationsStore, lake: Lake | None) -> None:
    """Note how far the stores have come, after they committed: the lake in the operations store, both in the notes."""
    state = None if lake is None else read_lake_state(lake)
    snapshot = state.snapshot if state is not None and state.identity is not None else None
    with operations.reading() as connection:
        identity = operations_installation.read_identity(connection)
        mark = operations_installation.operations_mark(connection)
    if identity is None:
        return
    if snapshot is not None and (identity.lake_snapshot is None or identity.lake_snapshot < snapshot):
        with operations.writing() as connection:
            operations_installation.note_lake_snapshot(connection, snapshot)
    note = Note(installation_id=identity.installation_id, epoch=identity.epoch, machine=this_installation_machine())
    notes_of(settings).raise_marks(note, operations_mark=mark, lake_snapshot=snapshot)


def channels_not_read_since_restore(lake: Lake, operations: OperationsStore, sources: Sequence[str]) -> list[str]:
    """Channels whose orders in the lake may be older than what was sent: none was fetched since the last restore."""
    with operations.reading() as connection:
        identity = operations_installation.read_identity(connection)
    if identity is None or identity.restored_at is None:
        return []
    with lake.snapshot() as connection:
        query = "SELECT DISTINCT source FROM raw.fetches WHERE fetched_at > ?"
        read = {source for (source,) in connection.execute(query, [identity.restored_at]).fetchall()}
    return [source for source in sources if source not in read]


def _new_name(found: Found) -> str:
    name = uuid.uuid4().hex
    return f"{DEMO_MARK}{name}" if found.is_demo and found.outside else name
