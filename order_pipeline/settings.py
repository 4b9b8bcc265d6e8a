"""Every setting, with its default and meaning. Read from `ORDER_PIPELINE_*` variables or `.env`, never at import.

Nested groups use a double underscore: `ORDER_PIPELINE_KIBO__BASE_URL`. Secrets are `SecretStr` and have no default.
Belongs here: names, defaults, validation. Does not belong here: anything that acts on a setting.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class RateSettings(BaseModel):
    """A rate budget and the retry bounds of one API."""

    requests_per_second: float | None = Field(default=None, description="None: no limit (loopback only).")
    max_in_flight: int = Field(default=8, ge=1, description="Requests under way at once.")
    attempts: int = Field(
        default=5, ge=1, description="Tries of one request, the first included; transient failures only."
    )
    backoff_cap_seconds: float = Field(
        default=30.0, gt=0, description="Longest wait between tries, Retry-After included."
    )
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 30.0


class LakeSettings(BaseModel):
    """Where the lake lives. Defaults (None) are inside `data_dir`; several machines set both."""

    catalog: str | None = Field(default=None, description="None: SQLite in data_dir. Or `postgres:dbname=...` (libpq).")
    data_path: str | None = Field(default=None, description="None: `lake/` in data_dir. Or `s3://bucket/prefix/`.")
    memory_limit: str = Field(default="320MB", description="DuckDB's memory limit in a process of the pipeline.")
    threads: int = Field(
        default=1,
        ge=1,
        description="DuckDB's threads in a process of the pipeline. Small statements run better two at a time.",
    )
    build_threads: int = Field(default=2, ge=1, description="Chunks of a core build that are staged at once.")
    build_memory_limit: str = Field(default="200MB", description="DuckDB's memory limit for each of those chunks.")
    query_memory_limit: str = Field(default="1GB", description="DuckDB's memory limit for an analyst's query or shell.")
    lock_timeout_seconds: float = Field(
        default=120.0, description="Longest wait for the writers' lock (SQLite catalog only)."
    )
    keep_days: int = Field(
        default=3, ge=1, description="Snapshots and replaced files stay this long; longer than any reader reads."
    )


class KiboSettings(BaseModel):
    """Kibo/Shopatron order search (apis/kibo.md section 1)."""

    enabled: bool = True
    base_url: str = "https://integration.shopatron.com/api/v2"
    token_url: str = "https://auth.shopatron.com/oauthserver/oauth2/token"  # noqa: S105
    api_key: SecretStr | None = None
    api_secret: SecretStr | None = None
    manufacturer_ids: list[str] = Field(default_factory=list, description="At least one; sent with every search.")
    extra_headers: dict[str, str] = Field(default_factory=dict)
    per_page: int = Field(default=100, ge=1, le=100)
    window_overlap_minutes: int = Field(
        default=5, ge=0, description="Asked before each window, cut off again by orderDate."
    )
    ship_date_look_back_days: int = Field(default=7, ge=0, description="Second read, by ship date; 0 switches it off.")
    reread_unsettled: bool = Field(
        default=True, description="Third read: orders that core holds as not settled, by id."
    )
    max_pages: int = Field(default=100_000, ge=1)
    rate: RateSettings = RateSettings(requests_per_second=2.0, max_in_flight=1)


class ScanSourceSettings(BaseModel):
    """ScanSource distributor API (apis/scansource.md section 1)."""

    enabled: bool = True
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
    timezone: str = Field(default="America/New_York", description="Zone of the dates that carry no offset.")
    page_size: int = Field(default=100, ge=1, le=1000)
    pricing_batch_size: int = Field(default=40, ge=1, le=40)
    invoice_look_back_days: int = 35
    changed_look_back_days: int = Field(
        default=3, ge=0, description="Second list, by last change before the window's end; 0 switches it off."
    )
    priced_items: list[str] = Field(default_factory=list, description="Priced besides the items of open orders.")
    priced_quantity: int = Field(default=1, ge=1, description="Quantity for which prices are asked.")
    part_number_type: int = Field(default=1, description="What item numbers are: 1 ScanSource, 2 manufacturer, 3 SAP.")
    deal_id: str = Field(default="", description="DealID1 of pricing calls; empty: none.")
    call_budget: int | None = Field(default=None, ge=1, description="Most calls of one run; None: no budget.")
    paths: dict[str, str] = Field(default_factory=dict, description="Path templates that replace the defaults.")
    rate: RateSettings = RateSettings(requests_per_second=2.0, max_in_flight=2)


class SkroutzSettings(BaseModel):
    """Skroutz Smart Cart orders API (apis/skroutz.md section 2)."""

    enabled: bool = True
    base_url: str = "https://api.skroutz.gr"
    token: SecretStr | None = None
    account: str = Field(default="shop", description="The shop's name: Skroutz has none in its payloads. No colon.")
    reread_delivered_days: int = Field(default=14, description="Dispatched and delivered orders are re-read this long.")
    reread_most_orders: int = Field(default=500, ge=1, description="Orders re-read in one run; the rest is reported.")
    actions_enabled: bool = Field(
        default=False, description="Accept, reject, invoice upload and ready mark; off by default."
    )
    rate: RateSettings = RateSettings(requests_per_second=1.0, max_in_flight=2)


class WebhookSettings(BaseModel):
    """The webhook receiver."""

    host: str = "127.0.0.1"
    port: int = 8710
    secret_path_token: SecretStr | None = Field(default=None, description="The unguessable part of the webhook URL.")
    allowed_sources: list[str] = Field(default_factory=list, description="CIDRs, or `skroutz` (preset); empty: all.")
    trusted_proxies: list[str] = Field(default_factory=list, description="CIDRs whose X-Forwarded-For is believed.")
    max_body_bytes: int = 1_000_000
    keep_landed_days: int = Field(default=7, ge=0, description="Landed events stay in the inbox so long; raw has them.")
    keep_unparsable_days: int = Field(default=30, ge=1, description="Events that are not JSON stay so long.")


FloorStatus = Literal["Picked", "Ready to Fulfil", "In Progress"]
"""The texts that ScanOrders' `updateorder` takes (apis/scanorders.md section 7): British spelling, one l."""


class ScanOrdersSettings(BaseModel):
    """ScanOrders, the picking app (apis/scanorders.md)."""

    base_url: str = "https://app.scanorders.com"
    branch: str = Field(default="", description="`version-test` for the development branch; empty: live.")
    client_id: str | None = None
    client_secret: SecretStr | None = None
    redirect_uri: str = "http://127.0.0.1:8717/callback"
    access_token: SecretStr | None = Field(
        default=None, description="Instead of a login; else the stored token is used."
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


class PickingSettings(BaseModel):
    """Who is picked (DESIGN.md) and how doubts are watched."""

    kibo: bool = True
    scansource: bool = True
    skroutz: bool = True
    doubt_alert_minutes: int = Field(default=60, description="The doubts check is red while an in_doubt line is older.")
    lease_seconds: int = Field(default=60, ge=1, description="An emitter's lease; renewed while it works.")
    stop_after_doubts: int = Field(
        default=10, ge=1, description="Calls in a row without a definite answer that stop a run, the rest left planned."
    )


class ScheduleSettings(BaseModel):
    """Partitions and trailing windows."""

    first_day: str = Field(default="2026-01-01", description="First daily partition (UTC).")
    trailing_days: int = Field(default=14, ge=1, description="Days re-read by each scheduled run.")
    active: bool = Field(
        default=False, description="True: schedules and sensors start with the deployment, not by hand."
    )


class Settings(BaseSettings):
    """The one settings object; build it where it is needed with `load_settings()`, never at import."""

    model_config = SettingsConfigDict(
        env_prefix="ORDER_PIPELINE_", env_nested_delimiter="__", env_file=".env", extra="ignore"
    )

    data_dir: Path = Path("data")
    operations_url: str | None = Field(default=None, description="None: SQLite in data_dir; or a PostgreSQL URL.")
    lake: LakeSettings = LakeSettings()
    kibo: KiboSettings = KiboSettings()
    scansource: ScanSourceSettings = ScanSourceSettings()
    skroutz: SkroutzSettings = SkroutzSettings()
    webhooks: WebhookSettings = WebhookSettings()
    scanorders: ScanOrdersSettings = ScanOrdersSettings()
    picking: PickingSettings = PickingSettings()
    schedule: ScheduleSettings = ScheduleSettings()

    @property
    def demo_world_file(self) -> Path:
        """Stands in the data directory of a demo: fake orders, which must never meet real channels or a real floor."""
        return self.data_dir / "demo_world.json"

    @property
    def resolved_operations_url(self) -> str:
        """The operations store's SQLAlchemy URL, the embedded default filled in."""
        return self.operations_url or f"sqlite:///{self.data_dir.resolve() / 'operations.sqlite'}"


def load_settings() -> Settings:
    """Read the settings from the environment and `.env`."""
    return Settings()
