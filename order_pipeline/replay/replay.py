"""A replay from beginning to end: stage the days, show the lake as it would be, compare."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path

from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.sending.read_pick_list import lines_to_follow
from order_pipeline.replay.changes import ReplayChanges
from order_pipeline.replay.picks import pick_changes
from order_pipeline.replay.rejects import reject_changes
from order_pipeline.replay.replayed_lake import replayed_lake
from order_pipeline.replay.staged_days import Progress, stage_days
from order_pipeline.replay.tables import table_changes
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.spill_directory import spill_directory
from order_pipeline.warehouse.raw.stale_partitions import stale_marks
from order_pipeline.warehouse.sql.project import SqlProject


def replay_changes(
    settings: Settings,
    lake: Lake,
    operations: OperationsStore,
    project: SqlProject,
    days: Mapping[str, Collection[date]],
    *,
    progress: Progress,
) -> ReplayChanges:
    """What core, the quarantine and the picks would be after these days were built again from raw.

    Staged rows lie in a directory of the data directory's `tmp` until the end: about as much as core has of the days.

    Args:
        settings: of the emission.
        lake: only read; its views have been deployed.
        operations: only read.
        project: the SQL whose effect is asked for.
        days: partition days (UTC) by channel.
        progress: told what is being done.

    Raises:
        SqlModelError, ContractError: a defect of the SQL, as in a build.
        LakeError: the lake cannot be read.
    """
    started = time.perf_counter()
    # What is staged has personal data: where this process is killed, the next one removes its directory.
    parent = spill_directory(settings.data_dir / "tmp")
    sent = lines_to_follow(operations)
    with tempfile.TemporaryDirectory(prefix="replay-", dir=parent) as directory:
        staged = [
            stage_days(lake, project, source, of_source, Path(directory), progress=progress)
            for source, of_source in days.items()
        ]
        with lake.snapshot() as connection:
            owed = {source: sorted(set(stale_marks(connection, source)) & set(days[source])) for source in days}
        progress("comparing core and picks", 0)
        with replayed_lake(lake, project, staged) as connection:
            tables = list(table_changes(connection, staged))
            rejects = reject_changes(connection, staged)
            picks = pick_changes(connection, settings, operations, sent)
    return ReplayChanges(
        days={each.source: len(each.days) for each in staged},
        owed={source: found for source, found in owed.items() if found},
        tables=tables,
        rejects=rejects,
        picks=picks,
        seconds=time.perf_counter() - started,
    )
