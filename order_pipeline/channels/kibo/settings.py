"""The settings of Kibo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, field_validator

from order_pipeline.channels.kibo.query import ID_PATTERN
from order_pipeline.channels.settings import ChannelSettings
from order_pipeline.http.settings import RateSettings


class KiboSettings(ChannelSettings):
    """Kibo/Shopatron order search (docs/apis/kibo.md section 1)."""

    base_url: str = "https://integration.shopatron.com/api/v2"
    token_url: str = "https://auth.shopatron.com/oauthserver/oauth2/token"  # noqa: S105
    api_key: SecretStr | None = None
    api_secret: SecretStr | None = None
    manufacturer_ids: list[Annotated[str, Field(pattern=ID_PATTERN)]] = Field(
        default_factory=list, description="At least one; sent with every search."
    )
    extra_headers: dict[str, str] = Field(default_factory=dict)
    per_page: int = Field(default=100, ge=1, le=100)
    window_overlap_minutes: int = Field(
        default=5, ge=0, description="Asked before each window, cut off again by orderDate."
    )
    ship_date_look_back_days: int = Field(default=7, ge=0, description="Second read, by ship date; 0 switches it off.")
    catch_up_days: int = Field(
        default=30, ge=0, description="After a stop the first two reads reach back to the last proof, at most this far."
    )
    reread_unsettled: bool = Field(
        default=True, description="Third read: orders that core holds as not settled, by id."
    )
    reread_days: int = Field(
        default=30, ge=0, description="The third read asks by every run for orders whose day is not longer ago."
    )
    reread_older_orders: int = Field(
        default=500, ge=1, description="Of the older ones it asks for so many a run, in turn."
    )
    max_pages: int = Field(default=100_000, ge=1)
    timezone: str = Field(default="UTC", description="Zone of the order date that the floor shows.")
    pick_whole: Literal["order", "shipment"] = Field(
        default="order",
        description="What is picked whole or held: the order, or its shipments READY, whatever the rest of it is.",
    )
    rate: RateSettings = RateSettings(requests_per_second=2.0, max_in_flight=1)

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"{name!r} is no time zone, like Europe/Athens")
        return name

    def required(self) -> Sequence[str]:
        """Key, secret and at least one manufacturer."""
        return "api_key", "api_secret", "manufacturer_ids"


SETTINGS = KiboSettings
