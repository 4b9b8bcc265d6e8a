"""The looks that need the stores and nothing else: for the sensor, `doctor` and `order-pipeline alerts look`."""

from __future__ import annotations

from datetime import datetime

from order_pipeline.alerts.looks import disk, floor, sources
from order_pipeline.alerts.looks.staleness import Clocked
from order_pipeline.alerts.watch import Look
from order_pipeline.operations.store import OperationsStore
from order_pipeline.settings import Settings


def store_looks(settings: Settings, store: OperationsStore, now: datetime) -> list[Look]:
    """Looks at the floor, the sources and the disk, as of `now`."""
    return [
        Look("the floor", floor.KINDS, lambda: floor.find_floor_incidents(settings, store, now)),
        Look(
            "the sources",
            sources.KINDS,
            lambda: sources.find_source_incidents(settings, readings_by_clock(settings), now),
        ),
        Look("the disk", disk.KINDS, lambda: disk.find_disk_incident(settings)),
    ]


def readings_by_clock(settings: Settings) -> list[Clocked]:
    """What is read by itself, and when: each channel, and each family that has a cadence of its own."""
    if not settings.schedule.trailing:
        return []
    found: list[Clocked] = []
    for channel in settings.enabled_channels():
        for each in channel.cadences(settings.of_channel(channel.name)):
            resources = [resource for family in each.families for resource in channel.families[family]]
            found.append(Clocked(channel.name, each.family, tuple(resources), each.cron))
    return found
