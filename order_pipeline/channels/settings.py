"""What the settings of every channel have in common."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel


class ChannelSettings(BaseModel, extra="forbid"):
    """The base of each channel's settings class."""

    enabled: bool = True

    def required(self) -> Sequence[str]:
        """The fields that must be set before the channel can be read; `doctor` asks for them."""
        return ()
