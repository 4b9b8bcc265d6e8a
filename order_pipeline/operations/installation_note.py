"""What stands beside the stores about them: a note in the data directory, and the same as a witness outside of it.

A note says how far each store had come when somebody looked. It is written after the store committed, so a note is
never ahead of a healthy store, whatever crashes in between. The witness lies in the user's state directory: a data
directory that was copied and put back is as old as its note, and only something outside can tell.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock
import msgspec

from order_pipeline.private_files import write_durably
from order_pipeline.redaction.errors import described

NOTE_NAME = "installation.json"
MACHINE_ID = Path("/etc/machine-id")
_LOCK_SECONDS = 30.0


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """How far the stores of one installation had come. None: that store was not seen yet, so it may be missing."""

    installation_id: str
    epoch: int
    operations_mark: int | None = None
    lake_snapshot: int | None = None
    machine: str | None = None
    schedules_off: bool = False
    restoring: str | None = None


class DamagedNoteError(RuntimeError):
    """The note in the data directory cannot be read."""


class InstallationNotes:
    """The note of one data directory, and its witness.

    Args:
        data_dir: where `installation.json` lies.
        witness_dir: where `<installation>.json` lies; None: there is no witness.
    """

    def __init__(self, data_dir: Path, witness_dir: Path | None) -> None:
        self.path = data_dir / NOTE_NAME
        self.witness_dir = witness_dir
        self._lock = data_dir / "installation.lock"

    def read(self) -> Note | None:
        """The directory's note, or None.

        Raises:
            DamagedNoteError: it is no note; without it nobody knows how far the stores had come.
        """
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Note)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedNoteError(
                f"{self.path} is damaged ({described(error)}). It says how far the stores had come. If both stores are "
                "right, remove the file: the stores still check each other."
            ) from error

    def witness(self, installation_id: str) -> Note | None:
        """What this machine saw of the installation; None where it saw nothing, or the file cannot be read."""
        path = self._witness_path(installation_id)
        if path is None:
            return None
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(path.read_bytes(), type=Note)
        return None

    def write(self, note: Note) -> None:
        """Replace the note and the witness."""
        with self._locked():
            self._store(note)

    def write_note(self, note: Note) -> None:
        """Replace the note and leave the witness: it is what tells whether a restore lacks anything."""
        with self._locked():
            write_durably(self.path, msgspec.json.encode(note))

    def raise_marks(self, note: Note, *, operations_mark: int | None = None, lake_snapshot: int | None = None) -> None:
        """Note that the stores have come so far; lower numbers than are noted change nothing.

        Args:
            note: the installation and epoch that the numbers belong to; written where no note is.
            operations_mark: of the operations store.
            lake_snapshot: of the lake.
        """
        with self._locked():
            found = self.read()
            same = found is not None and (found.installation_id, found.epoch) == (note.installation_id, note.epoch)
            present = found if found is not None and same else note
            raised = msgspec.structs.replace(
                present,
                operations_mark=_higher(present.operations_mark, operations_mark),
                lake_snapshot=_higher(present.lake_snapshot, lake_snapshot),
            )
            if raised != found or self.witness(note.installation_id) != raised:
                self._store(raised)

    def _witness_path(self, installation_id: str) -> Path | None:
        return None if self.witness_dir is None else self.witness_dir / f"{installation_id}.json"

    @contextmanager
    def _locked(self) -> Generator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(self._lock, timeout=_LOCK_SECONDS, thread_local=False):
            yield

    def _store(self, note: Note) -> None:
        encoded = msgspec.json.encode(note)
        write_durably(self.path, encoded)
        witness = self._witness_path(note.installation_id)
        if witness is not None:
            with suppress(OSError):  # a home that cannot be written has no witness; `doctor` says so
                witness.parent.mkdir(parents=True, exist_ok=True)
                write_durably(witness, encoded)


class MarkKeeper:
    """Notes the operations store's mark while lines are sent: at once the first time, then now and then.

    Raising it with each line would cost a file a line. So a copy that is younger than `every_seconds` at the moment of
    a crash is not noticed.
    """

    def __init__(
        self, keep: Callable[[int], None], *, every_seconds: float = 0.5, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep = keep
        self._every = every_seconds
        self._clock = clock
        self._kept_at: float | None = None

    def keep(self, mark: int) -> None:
        """Note the mark, unless one was noted just now."""
        now = self._clock()
        if self._kept_at is None or now - self._kept_at >= self._every:
            self._keep(mark)
            self._kept_at = self._clock()


def this_installation_machine() -> str | None:
    """A name for this machine that outlives restarts and tells nobody its id; None where the system has none."""
    with suppress(OSError):
        text = MACHINE_ID.read_text(encoding="utf-8").strip()
        return hashlib.sha256(f"order-pipeline:{text}".encode()).hexdigest()[:16] if text else None
    return None


def _higher(known: int | None, found: int | None) -> int | None:
    numbers = [number for number in (known, found) if number is not None]
    return max(numbers) if numbers else None
