"""The looks that need the stores and nothing else: for the sensor, `doctor` and `order-pipeline alerts look`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from order_pipeline.alerts.looks import disk, floor, sources
from order_pipeline.alerts.watch import Look
from order_pipeline.operations.store import OperationsStore
from order_pipeline.settings import Settings

CADENCE = timedelta(hours=1)
"""Every channel's schedule is hourly (`orchestration.schedules`)."""


def store_looks(settings: Settings, store: OperationsStore, now: datetime) -> list[Look]:
    """Looks at the floor, the sources and the disk, as of `now`."""
    return [
        Look("the floor", floor.KINDS, lambda: floor.find_floor_incidents(settings, store, now)),
        Look("the sources", sources.KINDS, lambda: sources.find_source_incidents(settings, cadences(settings), now)),
        Look("the disk", disk.KINDS, lambda: disk.find_disk_incident(settings)),
    ]


def cadences(settings: Settings) -> Mapping[str, timedelta]:
    """How often each channel is read by itself."""
    return {channel.name: CADENCE for channel in settings.enabled_channels()}
