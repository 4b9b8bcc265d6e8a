"""The one list of fake channels. A new channel is one module with `build(world, switches)` and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import kibo, scanorders, scansource, skroutz
from .channel import Channel, World

ChannelBuilder = Callable[[World, Mapping[str, Any]], Channel]

CHANNELS: dict[str, ChannelBuilder] = {
    "kibo": kibo.build,
    "scanorders": scanorders.build,
    "scansource": scansource.build,
    "skroutz": skroutz.build,
}
