"""The settings of ScanOrders, and what its client reads of the pipeline's settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from order_pipeline.floors import MAIN
from order_pipeline.http.settings import RateSettings

FloorStatus = Literal["Picked", "Ready to Fulfil", "In Progress"]
"""The texts that ScanOrders' `updateorder` takes (docs/apis/scanorders.md section 7): British spelling, one l."""


class ScanOrdersSettings(BaseModel, extra="forbid"):
    """ScanOrders, the picking app (docs/apis/scanorders.md)."""

    base_url: str = "https://app.scanorders.com"
    branch: str = Field(default="", description="`version-test` for the development branch; empty: live.")
    client_id: str | None = None
    client_secret: SecretStr | None = None
    redirect_uri: str = "http://127.0.0.1:8717/callback"
    access_token: SecretStr | None = Field(
        default=None, description="Instead of a login; else the stored token is used."
    )
    login_without_state: bool = Field(
        default=False, description="Take a login's redirect without `state`: any page can send one (docs/security.md)."
    )
    send: bool = Field(default=False, description="False: dry run. True sends for real.")
    allowed_order_numbers: list[str] | None = Field(
        default=None, description="None: all. The first live day: a short list."
    )
    order_id_parameter: str = Field(
        default="OrderID", description="Spelling that the server wants (OrderID or OrderId)."
    )
    status_parameter: str = Field(default="status", description="Spelling that the server wants (status or Status).")
    order_date_format: str = "%Y-%m-%d"
    send_shipping_address: bool = Field(default=False, description="Personal data: only if the floor needs it.")
    send_product_name: bool = True
    unavailable_is_refusal: bool = Field(
        default=False, description="A 503 without Retry-After counts as not created; only if the vendor says so."
    )
    push_statuses: dict[str, FloorStatus] = Field(
        default_factory=dict[str, FloorStatus],
        description="Policy: core status of a sent line -> `Picked`, `Ready to Fulfil` or `In Progress` at ScanOrders. "
        "Empty: nothing is pushed. `Picked` may tell the end customer that goods shipped.",
    )
    token_warning_days: int = Field(
        default=14, ge=0, description="Warn that a person must log in again so long before."
    )
    rate: RateSettings = RateSettings(requests_per_second=1.0, max_in_flight=1, read_timeout_seconds=60.0)


class FloorSettings(BaseModel, extra="forbid"):
    """A further floor, with a ScanOrders account of its own. What is not set is as `scanorders` has it.

    The access token is the exception: it opens an account, so each floor has its own, by setting or by login. The pace
    is that of `scanorders`, for each floor by itself.
    """

    base_url: str | None = None
    branch: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    redirect_uri: str | None = None
    access_token: SecretStr | None = Field(
        default=None, description="Instead of a login; else the floor's stored token is used."
    )
    send: bool | None = None
    allowed_order_numbers: list[str] | None = None
    send_shipping_address: bool | None = None
    push_statuses: dict[str, FloorStatus] | None = None

    @model_validator(mode="after")
    def _has_a_whole_client(self) -> Self:
        if (self.client_id is None) != (self.client_secret is None):
            raise ValueError("client_id and client_secret belong together: set both, or none (those of scanorders)")
        return self


def settings_of_floor(scanorders: ScanOrdersSettings, floor: FloorSettings) -> ScanOrdersSettings:
    """What holds for a further floor."""
    own = {name: value for name in FloorSettings.model_fields if (value := getattr(floor, name)) is not None}
    return scanorders.model_copy(update={"access_token": None, **own})


def setting_of(floor: str, field: str) -> str:
    """The variable that sets a field of a floor's account."""
    return (
        f"ORDER_PIPELINE_SCANORDERS__{field}" if floor == MAIN else f"ORDER_PIPELINE_FLOORS__{floor.upper()}__{field}"
    )


class LakeStores(Protocol):
    """Where the lake lies; None: inside the data directory."""

    @property
    def catalog(self) -> str | None: ...  # noqa: D102
    @property
    def data_path(self) -> str | None: ...  # noqa: D102


class PipelineSettings(Protocol):
    """What this room reads of the pipeline's settings; a protocol, because the room lies below those settings."""

    @property
    def data_dir(self) -> Path: ...  # noqa: D102
    @property
    def demo_world_file(self) -> Path: ...  # noqa: D102
    @property
    def operations_url(self) -> str | None: ...  # noqa: D102
    @property
    def dagster_storage_url(self) -> str | None: ...  # noqa: D102
    @property
    def lake(self) -> LakeStores: ...  # noqa: D102
    @property
    def floor_settings(self) -> Mapping[str, ScanOrdersSettings]: ...  # noqa: D102
