"""The settings of ScanSource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr

from order_pipeline.channels.settings import ChannelSettings
from order_pipeline.http.settings import RateSettings


class ScanSourceSettings(ChannelSettings):
    """ScanSource distributor API (docs/apis/scansource.md section 1)."""

    picked_by_default: ClassVar[bool] = False  # the goods lie at the distributor, who picks them
    families: ClassVar[tuple[str, ...]] = ("orders", "invoices", "tracking", "prices", "availability")

    preset: Literal["production", "sandbox"] = "production"
    generation: Literal["current", "legacy"] = "current"
    base_url: str | None = None
    token_url: str | None = None
    scope: str | None = None
    client_id: SecretStr | None = None
    client_secret: SecretStr | None = None
    subscription_key: SecretStr | None = None
    customer_numbers: list[str] = Field(default_factory=list)
    business_unit: str = "1700"
    warehouse: str = "1710"
    stock_warehouses: list[Annotated[str, Field(pattern=r"^[^:\s]+$")]] = Field(
        default_factory=list, description="Warehouses whose availability is asked for; empty: `warehouse` alone."
    )
    timezone: str = Field(default="America/New_York", description="Zone of the dates that carry no offset.")
    page_size: int = Field(default=100, ge=1, le=1000)
    pricing_batch_size: int = Field(default=40, ge=1, le=40)
    invoice_look_back_days: int = 35
    changed_look_back_days: int = Field(
        default=3, ge=0, description="Second list, by last change before the window's end; 0 switches it off."
    )
    catch_up_days: int = Field(
        default=30, ge=0, description="After a stop the lists reach back to the last proof, at most this far."
    )
    reread_unsettled: bool = Field(
        default=True, description="The list of the window reaches back to orders that core holds as not settled."
    )
    reread_days: int = Field(default=30, ge=0, description="It reaches back by every run, at most this far.")
    reread_older_days: int = Field(
        default=1, ge=1, description="Of the older days with unsettled orders, so many are listed a run, in turn."
    )
    priced_items: list[str] = Field(default_factory=list, description="Priced besides the items of open orders.")
    priced_quantity: int = Field(
        default=1, ge=1, description="Quantity of `priced_items`, and of lines that state no whole one."
    )
    part_number_type: int = Field(default=1, description="What item numbers are: 1 ScanSource, 2 manufacturer, 3 SAP.")
    deal_id: str = Field(default="", description="DealID1 of pricing calls; empty: none.")
    pick_whole: Literal["order", "committed"] = Field(
        default="order",
        description="What is picked whole or held: the order, or what of it is committed, whatever the rest is.",
    )
    call_budget: int | None = Field(default=None, ge=1, description="Most calls of one run; None: no budget.")
    paths: dict[str, str] = Field(default_factory=dict, description="Path templates that replace the defaults.")
    rate: RateSettings = RateSettings(requests_per_second=2.0, max_in_flight=2)

    @property
    def warehouses_of_stock(self) -> tuple[str, ...]:
        """The warehouses whose availability is asked for, each once."""
        return tuple(dict.fromkeys(self.stock_warehouses or [self.warehouse]))

    def required(self) -> Sequence[str]:
        """The legacy generation is opened by the key alone."""
        login = ("client_id", "client_secret") if self.generation == "current" else ()
        return *login, "subscription_key", "customer_numbers"


SETTINGS = ScanSourceSettings
