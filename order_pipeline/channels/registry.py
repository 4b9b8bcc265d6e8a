"""The channels there are, one line each. `docs/add-a-channel.md` says what a channel's folder holds.

Channels are named here and imported when they are asked for: every command needs the settings of all channels, few
commands need their clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from order_pipeline.channels.channel import Channel
    from order_pipeline.channels.settings import ChannelSettings
    from order_pipeline.channels.webhook import Webhook

NAMES = (
    "kibo",
    "scansource",
    "skroutz",
)


def settings_class(name: str) -> type[ChannelSettings]:
    """`SETTINGS` of `channels/<name>/settings.py`."""
    return import_module(f"{__package__}.{name}.settings").SETTINGS


@cache
def channels() -> Mapping[str, Channel[Any]]:
    """Every channel by its name: `CHANNEL` of `channels/<name>/channel.py`."""
    return {name: import_module(f"{__package__}.{name}.channel").CHANNEL for name in NAMES}


def webhooks() -> Mapping[str, Webhook]:
    """The webhooks of the channels that push events, by the channel's name."""
    return {name: channel.webhook for name, channel in channels().items() if channel.webhook is not None}
