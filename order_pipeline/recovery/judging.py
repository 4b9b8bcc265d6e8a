"""Judges whether the stores belong together, from what each says of itself and of its neighbours. No I/O.

A store's own mark is never behind what its neighbours noted of it, because notes follow commits. So a store that is
behind a note was replaced by an older copy. A store without a name, of which a neighbour has a note, is lost. Being
ahead of all notes is healthy: that is what a crash between a commit and its note leaves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from order_pipeline.operations.installation import OperationsIdentity
from order_pipeline.operations.installation_note import Note
from order_pipeline.warehouse.installation import LakeState

DIRECTORY, OPERATIONS, LAKE, WITNESS = "data directory", "operations store", "lake's catalog", "witness on this machine"

DEMO_MARK = "demo-"
"""With it begins the name of an installation whose stores lie outside of a demo's directory."""

REBUILD = "order-pipeline outbox rebuild"
RESTORE = "order-pipeline restore BACKUP"
ACCEPT = "order-pipeline stores accept"
MOVED = "order-pipeline stores accept --moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsState:
    """What the operations store says about itself."""

    identity: OperationsIdentity | None
    mark: int
    picks: int
    planned_from: int | None
    """The newest lake snapshot that a pick line was planned from. Of a store with a name, lines are not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is there; None: the store, or the file, does not exist. `lake` is also None where nobody looked."""

    note: Note | None
    witness: Note | None
    operations: OperationsState | None
    lake: LakeState | None
    looked_at_lake: bool = True
    machine: str | None = None
    operations_are_local: bool = True
    is_demo: bool = False
    """The data directory holds a demo."""
    outside: tuple[str, ...] = ()
    """The stores that a setting names, so that other directories may use them too."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why nothing may run: which store, what was found, and the commands that end it."""

    store: str
    found: str
    commands: tuple[str, ...]


def judge(found: Found) -> Problem | None:
    """The first reason why the stores do not belong together, or None."""
    note = found.note
    if note is not None and note.restoring:
        return Problem(DIRECTORY, f"a restore from {note.restoring} did not finish", (f"{RESTORE} --replace",))
    for look in (_foreign, _of_the_other_kind, _operations_lost, lake_lost, _older, _adoption, _moved):
        problem = look(found)
        if problem is not None:
            return problem
    return None


def installation_ids(found: Found) -> dict[str, str]:
    """Whose each store says it is."""
    named = {
        DIRECTORY: found.note.installation_id if found.note else None,
        OPERATIONS: found.operations.identity.installation_id
        if found.operations and found.operations.identity
        else None,
        LAKE: found.lake.identity.installation_id if found.lake and found.lake.identity else None,
    }
    return {place: name for place, name in named.items() if name is not None}


def newest_epoch(found: Found) -> int:
    """The highest epoch that anybody names; 1 where nobody does."""
    named = [
        found.note.epoch if found.note else 0,
        found.witness.epoch if found.witness else 0,
        found.operations.identity.epoch if found.operations and found.operations.identity else 0,
        found.lake.identity.epoch if found.lake and found.lake.identity else 0,
    ]
    return max(1, *named)


def noted_operations_mark(found: Found) -> tuple[int, str] | None:
    """The furthest mark of the operations store that a neighbour noted in the newest epoch, and who noted it."""
    lake = found.lake.identity if found.lake else None
    noted = [
        *_marks(found, lambda note: note.operations_mark),
        *([(lake.epoch, lake.operations_mark, LAKE)] if lake is not None and lake.operations_mark is not None else []),
    ]
    return _furthest(noted, newest_epoch(found))


def witnessed_operations_mark(found: Found) -> int | None:
    """The furthest mark of the operations store that stands beside the stores, in the newest epoch."""
    witnessed = _furthest(_marks(found, lambda note: note.operations_mark), newest_epoch(found))
    return None if witnessed is None else witnessed[0]


def noted_lake_snapshot(found: Found) -> tuple[int, str] | None:
    """The furthest snapshot of the lake that a neighbour noted in the newest epoch, and who noted it."""
    store = found.operations.identity if found.operations else None
    noted = [
        *_marks(found, lambda note: note.lake_snapshot),
        *([(store.epoch, store.lake_snapshot, OPERATIONS)] if store and store.lake_snapshot is not None else []),
    ]
    return _furthest(noted, newest_epoch(found))


def _marks(found: Found, mark_of: Callable[[Note], int | None]) -> list[tuple[int, int, str]]:
    notes = [(found.note, DIRECTORY), (found.witness, WITNESS)]
    marked = [(note.epoch, mark_of(note), place) for note, place in notes if note is not None]
    return [(epoch, mark, place) for epoch, mark, place in marked if mark is not None]


def _furthest(noted: list[tuple[int, int, str]], epoch: int) -> tuple[int, str] | None:
    current = [(mark, place) for of_epoch, mark, place in noted if of_epoch == epoch]
    return max(current) if current else None


def _foreign(found: Found) -> Problem | None:
    named = installation_ids(found)
    counted = Counter(named.values()).most_common()
    if len(counted) < 2:
        return None
    odd = next(place for place in (LAKE, OPERATIONS, DIRECTORY) if named.get(place) not in {None, counted[0][0]})
    others = " and ".join(place for place, name in named.items() if name != named[odd])
    text = f"it belongs to installation {named[odd][:8]}, the {others} to {counted[0][0][:8]}"
    return Problem(odd, text, ("correct ORDER_PIPELINE_DATA_DIR, __CATALOG, OPERATIONS_URL", f"or: {RESTORE}"))


def _of_the_other_kind(found: Found) -> Problem | None:
    """Fake orders and real ones in one store: a shared store of a demo bears its mark in its name."""
    settings = "correct ORDER_PIPELINE_DATA_DIR, __CATALOG, OPERATIONS_URL"
    for place, name in installation_ids(found).items():
        if name.startswith(DEMO_MARK) and not found.is_demo:
            text = "it is marked as a demo's, whose fake orders must not meet real ones, and this directory has no demo"
            return Problem(place, text, (settings,))
        if found.is_demo and place in found.outside and not name.startswith(DEMO_MARK):
            return Problem(place, "it is not marked as a demo's, and this directory holds fake orders", (settings,))
    return None


def _operations_lost(found: Found) -> Problem | None:
    noted = noted_operations_mark(found)
    is_named = found.operations is not None and found.operations.identity is not None
    if is_named or noted is None:
        return None
    what = "it does not exist" if found.operations is None else "it is empty"
    text = f"{what}, and the {noted[1]} knows it with {noted[0]} pick events"
    return Problem(OPERATIONS, text, (REBUILD, f"or: {RESTORE}"))


def lake_lost(found: Found) -> Problem | None:
    """Why the lake is not the one that its neighbours know: missing, or begun anew; None where it is."""
    noted = noted_lake_snapshot(found)
    is_named = found.lake is not None and found.lake.identity is not None
    if is_named or noted is None or not found.looked_at_lake:
        return None
    what = "it does not exist" if found.lake is None else "it is another, new one"
    text = f"{what}, and the {noted[1]} knows snapshot {noted[0]} of it"
    return Problem(LAKE, text, (f"{RESTORE} --only catalog", f"no backup: {ACCEPT} --new-lake"))


def _older(found: Found) -> Problem | None:
    epoch = newest_epoch(found)
    store = found.operations.identity if found.operations else None
    noted = noted_operations_mark(found)
    if found.operations and store is not None:
        if store.epoch < epoch:
            return Problem(OPERATIONS, "it is from before the last restore", (REBUILD, f"or: {RESTORE}"))
        if noted is not None and found.operations.mark < noted[0]:
            text = f"it is older than the {noted[1]} knows it: {found.operations.mark} pick events, not {noted[0]}"
            return Problem(OPERATIONS, text, (REBUILD, f"or: {RESTORE}"))
    lake = found.lake.identity if found.lake else None
    noted = noted_lake_snapshot(found)
    if found.lake and lake is not None:
        if lake.epoch < epoch:
            return Problem(LAKE, "it is from before the last restore", (ACCEPT, f"or: {RESTORE} --only catalog"))
        if noted is not None and found.lake.snapshot < noted[0]:
            text = f"it is older than the {noted[1]} knows it: snapshot {found.lake.snapshot}, not {noted[0]}"
            return Problem(LAKE, text, (f"{RESTORE} --only catalog", f"or: {ACCEPT}"))
    return None


def _adoption(found: Found) -> Problem | None:
    """Stores of before this check have no name. They are adopted unless one plainly lacks what the other knows."""
    if installation_ids(found) or found.lake is None:
        return None
    known = found.operations.picks if found.operations else 0
    if found.lake.picks > known:
        text = f"it has {known} pick lines, the lake knows {found.lake.picks}"
        return Problem(OPERATIONS, text, (REBUILD,))
    planned_from = found.operations.planned_from if found.operations else None
    if planned_from is not None and planned_from > found.lake.snapshot:
        text = f"picks were planned from its snapshot {planned_from}, and it is at {found.lake.snapshot}"
        return Problem(LAKE, text, (ACCEPT,))
    return None


def _moved(found: Found) -> Problem | None:
    note = found.note
    if note is None or not found.operations_are_local or None in (note.machine, found.machine):
        return None
    if note.machine == found.machine:
        return None
    text = "it comes from another machine, and nothing here can tell whether it is the newest copy"
    commands = (f"{MOVED}   (nothing was sent since it was copied)", f"{ACCEPT}   (a copy that may be older)")
    return Problem(DIRECTORY, text, commands)
