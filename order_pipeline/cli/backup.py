"""`order-pipeline backup` and `order-pipeline restore`: a copy of the stores while they are in use, and back."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from order_pipeline.cli.output import fail, note
from order_pipeline.cli.stores import tell
from order_pipeline.operations.leases import LeaseHeldError
from order_pipeline.recovery.backup import back_up
from order_pipeline.recovery.backup_files import BackupError, choose_generation, damage, read_manifest
from order_pipeline.recovery.restore import restore as put_back
from order_pipeline.recovery.stores import StoresDisagreeError
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.writers_lock import LakeBusyError

Backups = Annotated[Path, typer.Argument(help="The directory of the backups, on another disk.", metavar="DIR")]
At = Annotated[str | None, typer.Option("--at", help="Which backup, by its name in DIR; default: the newest.")]


class Only(StrEnum):
    """Which store a restore replaces."""

    CATALOG = "catalog"
    OPERATIONS = "operations"


def backup(
    directory: Backups,
    keep: Annotated[int, typer.Option(min=1, help="How many backups stay in DIR.")] = 14,
    check: Annotated[bool, typer.Option("--check", help="Make none: read a backup again, every byte.")] = False,  # noqa: FBT002
    at: At = None,
) -> None:
    """Back up the stores into DIR, also while a run writes.

    \b
    Operations store first, then the catalog, then the lake's files, each
    copy checked. Files that DIR has already are not copied again. A backup
    that is killed leaves the earlier ones whole.
    Not in it: settings and secrets (.env, the ScanOrders login) and
    Dagster's history. It holds personal data: keep it as safe as the stores.
    """  # noqa: D301
    try:
        if check:
            _check(directory, at)
            return
        made = back_up(load_settings(), directory, keep=keep)
    except BackupError as error:
        fail(str(error), "order-pipeline backup --help")
    except StoresDisagreeError as error:
        fail(error.args[0], error.next_step)
    note(
        f"{made.generation.name}: {made.files:,} lake files, {made.files_copied:,} of them copied now, "
        f"{made.bytes_copied / 1e6:,.1f} MB"
    )
    if made.generations_removed:
        note(f"{made.generations_removed} older backups removed")


def _check(directory: Path, at: str | None) -> None:
    generation = choose_generation(directory, at)
    found = damage(directory, generation)
    for line in found:
        note(line)
    if found:
        fail(f"{generation.name} is not whole.", "Take an older one: restore DIR --at NAME; make a new backup.")
    manifest = read_manifest(generation)
    note(
        f"{generation.name} is whole: epoch {manifest.epoch}, {manifest.operations_mark:,} pick events, "
        f"snapshot {manifest.lake_snapshot:,}; versions: operations store {manifest.operations_version}, "
        f"lake {manifest.lake_version}"
    )


def restore(
    directory: Backups,
    at: At = None,
    only: Annotated[Only | None, typer.Option(help="Restore this store alone, beside the other.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Move aside what the data directory holds.")] = False,  # noqa: FBT002
) -> None:
    """Restore a backup from DIR into the data directory. Stop everything first.

    \b
    Nothing is sent twice: a new epoch begins, and what may have been sent
    since the backup becomes in doubt. Schedules are off. The command says
    what to do next. What was there is moved to data/replaced-... and stays.
    The restored stores take over: an installation that still runs elsewhere
    must be stopped for good, or both send the orders to come.
    """  # noqa: D301
    from order_pipeline.orchestration.instance import stop_schedules  # noqa: PLC0415 - Dagster is slow to import

    settings = load_settings()
    try:
        done = put_back(settings, directory, generation=at, part=only.value if only else "all", replace=replace)
    except (BackupError, LakeBusyError, LeaseHeldError) as error:
        fail(str(error), "order-pipeline restore --help")
    except StoresDisagreeError as error:
        fail(error.args[0], error.next_step)
    note(f"restored {done.generation.name}")
    if done.moved_aside:
        note(f"what was there is in {done.moved_aside}")
    stopped = stop_schedules(settings)
    if stopped:
        note(f"{stopped} schedules and sensors were switched off")
    tell(done.settled)
