"""The one list of fake channels. A new channel is one module with `build(world, switches)` and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from order_pipeline.sandbox.kibo import fake as kibo
from order_pipeline.sandbox.scanorders import fake as scanorders
from order_pipeline.sandbox.scansource import fake as scansource
from order_pipeline.sandbox.shared.channel import Channel, World
from order_pipeline.sandbox.skroutz import fake as skroutz

ChannelBuilder = Callable[[World, Mapping[str, Any]], Channel]

CHANNELS: dict[str, ChannelBuilder] = {
    "kibo": kibo.build,
    "scanorders": scanorders.build,
    "scansource": scansource.build,
    "skroutz": skroutz.build,
}
