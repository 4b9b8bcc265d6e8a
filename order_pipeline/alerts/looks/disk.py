"""Whether there is room on the disk of the data directory."""

from __future__ import annotations

from collections.abc import Iterator

import psutil

from order_pipeline.alerts.kinds import Kind
from order_pipeline.operations.incidents import Incident
from order_pipeline.settings import Settings

KINDS = (Kind.DISK,)
GIGABYTE = 10**9


def find_disk_incident(settings: Settings) -> Iterator[Incident]:
    """An incident while less is free than the setting asks for."""
    directory = settings.data_dir.resolve()
    if not directory.exists():
        return
    usage = psutil.disk_usage(str(directory))
    if usage.free < settings.alerts.disk_free_gigabytes * GIGABYTE:
        yield Incident(
            kind=Kind.DISK,
            subject=str(directory),
            message=f"{usage.free / GIGABYTE:.1f} of {usage.total / GIGABYTE:.0f} GB are free where {directory} lies: "
            "soon nothing can be stored, and runs fail.",
            next_step="Make room or enlarge the disk. What grows most: the history in dagster_home (runs can be "
            "deleted in the UI), then the lake; `housekeeping_job` removes what is not needed any more.",
        )
