"""The channels as Dagster sees them: names, descriptions, which raw resources, how to open the extraction.

A new channel is one entry here. Does not belong here: what a channel's API is like (`sources`), nor its SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from order_pipeline.settings import Settings
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
    open_extraction: Callable[[Settings], AbstractAsyncContextManager[Extraction]]
    schedule_minute: int
    never_filled: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def pool(self) -> str:
        """The Dagster pool that keeps two runs from spending the channel's rate budget at once."""
        return f"{self.name}_api"


CHANNELS: dict[str, Channel] = {}
