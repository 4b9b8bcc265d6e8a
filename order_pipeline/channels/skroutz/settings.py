"""The settings of Skroutz."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, SecretStr

from order_pipeline.channels.settings import ChannelSettings
from order_pipeline.http.settings import RateSettings


class SkroutzSettings(ChannelSettings):
    """Skroutz Smart Cart orders API (docs/apis/skroutz.md section 2)."""

    base_url: str = "https://api.skroutz.gr"
    token: SecretStr | None = None
    account: str = Field(default="shop", description="The shop's name: Skroutz has none in its payloads. No colon.")
    reread_delivered_days: int = Field(default=14, description="Dispatched and delivered orders are re-read this long.")
    reread_most_orders: int = Field(default=500, ge=2, description="Orders re-read in one run; the rest is reported.")
    read_back_most_orders: int = Field(
        default=60, ge=1, description="Orders read in the run that their webhooks start; the others by the hourly run."
    )
    reread_days: int = Field(
        default=60, ge=0, description="Orders whose day is longer ago are re-read in turn, whatever their state."
    )
    reread_older_orders: int = Field(
        default=50, ge=1, description="How many of these a run re-reads, within half of reread_most_orders."
    )
    catch_up_days: int = Field(
        default=30, ge=0, description="After a stop, ages count from the last complete run, at most so long ago."
    )
    actions_enabled: bool = Field(
        default=False, description="Accept, reject, invoice upload and ready mark; off by default."
    )
    rate: RateSettings = RateSettings(requests_per_second=1.0, max_in_flight=2)

    def required(self) -> Sequence[str]:
        """The shop's token."""
        return ("token",)


SETTINGS = SkroutzSettings
