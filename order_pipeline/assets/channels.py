"""The channels as Dagster sees them: names, descriptions, which raw resources, how to build the extraction.

A new channel is one entry here. Does not belong here: what a channel's API is like (`sources`), nor its SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from order_pipeline.settings import Settings
from order_pipeline.sources import kibo
from order_pipeline.sources.records import Extraction


@dataclass(frozen=True, slots=True)
class Channel:
    """One sales channel.

    `resources` are its raw tables without the channel's prefix, each with what it holds. `never_filled` are the core
    tables that stay empty, each with the reason: an empty table must be explained, not suspected.
    """

    name: str
    title: str
    resources: Mapping[str, str]
    build_extraction: Callable[[Settings], Extraction]
    schedule_minute: int
    never_filled: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def pool(self) -> str:
        """The Dagster pool that keeps two runs from spending the channel's rate budget at once."""
        return f"{self.name}_api"


KIBO = Channel(
    name="kibo",
    title="Kibo",
    resources={"orders": "Orders of Kibo/Shopatron Order Search v2, with shipments and items, passwords taken out."},
    build_extraction=lambda settings: kibo.build_extraction(settings.kibo),
    schedule_minute=5,
    never_filled={
        "serial_numbers": "Kibo's orders hold no serial numbers.",
        "invoices": "The Kibo API has no invoices.",
        "invoice_lines": "The Kibo API has no invoices.",
        "availability": "Kibo's Order Search has no stock figures.",
    },
)

CHANNELS: dict[str, Channel] = {channel.name: channel for channel in (KIBO,)}


def enabled_channels(settings: Settings) -> list[Channel]:
    """The channels that the settings switch on."""
    return [channel for channel in CHANNELS.values() if getattr(settings, channel.name).enabled]
