"""Every setting, with its default and meaning. Read from `ORDER_PIPELINE_*` variables or `.env`, never at import.

Nested groups use a double underscore: `ORDER_PIPELINE_LAKE__CATALOG`. Secrets are `SecretStr` and have no default. Each
channel's group is its own settings class, found through the registry; code beneath gets its own group only.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, create_model, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from order_pipeline.alert_settings import AlertSettings
from order_pipeline.channels import registry
from order_pipeline.cluster_settings import ClusterSettings
from order_pipeline.destinations.settings import FloorSettings, ScanOrdersSettings, settings_of_floor
from order_pipeline.floors import MAIN, FloorName, did_you_mean
from order_pipeline.http.settings import RateSettings
from order_pipeline.lake_settings import LakeSettings
from order_pipeline.redaction.secrets import hide_secrets_of
from order_pipeline.s3_settings import S3Settings
from order_pipeline.settings_names import PREFIX, check_names
from order_pipeline.ui_settings import UiSettings

if TYPE_CHECKING:
    from order_pipeline.channels.channel import Channel

_PARTITION_FOLDERS = ("source=", "order_day=", "partition_day=")


class WebhookSettings(BaseModel, extra="forbid"):
    """The webhook receiver."""

    host: str = "127.0.0.1"
    port: int = 8710
    secret_path_token: SecretStr | None = Field(default=None, description="The unguessable part of the webhook URL.")
    allowed_sources: list[str] = Field(
        default_factory=list, description="CIDRs, or a channel: its sender's addresses; empty: all."
    )
    trusted_proxies: list[str] = Field(default_factory=list, description="CIDRs whose X-Forwarded-For is believed.")
    max_body_bytes: int = Field(
        default=16_000_000, ge=1, description="An order of 10,000 lines has 3 MB, with every key in escapes 8 to 11 MB."
    )
    max_connections: int = Field(default=400, ge=1, description="At once; the oldest one that asks nothing goes first.")
    max_connections_of_address: int = Field(default=100, ge=1, description="From one address, but a trusted proxy.")
    header_seconds: float = Field(default=10, gt=0, description="So long a request's headers may take.")
    keep_landed_days: int = Field(default=7, ge=0, description="Landed events stay in the inbox so long; raw has them.")
    keep_unparsable_days: int = Field(default=30, ge=1, description="Events that are not JSON stay so long.")


class PickingSettings(BaseModel):
    """Whose orders are picked, and how doubts are watched.

    A field with a channel's name says whether the channel is picked: `ORDER_PIPELINE_PICKING__KIBO=false`. Without one,
    the channel's settings class says it (`picked_by_default`).
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, bool] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]

    doubt_alert_minutes: int = Field(default=60, description="The doubts check is red while an in_doubt line is older.")
    barcode_fallback: Literal["none", "ean", "sku"] = Field(
        default="none",
        description="What the picker scans of an item that has no barcode in the item master; none: the order is held.",
    )
    wave_order: Literal["urgent", "oldest"] = Field(
        default="urgent",
        description="urgent: express orders first, then those that must leave first; oldest: by order time alone.",
    )
    remade_shipments: Literal["hold", "send"] = Field(
        default="hold",
        description="A pick of an item that is on the floor under another shipment or item number of the same order "
        "waits until a person withdrew or confirmed the first one, or is sent.",
    )
    lease_seconds: int = Field(default=60, ge=1, description="An emitter's lease; renewed while it works.")
    stop_after_doubts: int = Field(
        default=10, ge=1, description="Calls in a row without a definite answer that stop a run, the rest left planned."
    )

    @model_validator(mode="after")
    def _names_channels_alone(self) -> Self:
        if strange := sorted(set(self.model_extra or {}) - set(registry.NAMES)):
            raise ValueError(f"{', '.join(strange)}: neither a setting nor a channel ({', '.join(registry.NAMES)})")
        return self


AutomatedPart = Literal["trailing", "inbox", "emission", "read_back", "upkeep", "retention", "reconciliation"]
"""What `schedule.active` switches on; each part has a setting of its own that switches it off."""


class ScheduleSettings(BaseModel, extra="forbid"):
    """Partitions and trailing windows."""

    first_day: str = Field(default="2026-01-01", description="First daily partition (UTC).")
    trailing_days: int = Field(default=14, ge=1, description="Days re-read by each scheduled run.")
    slice_days: int = Field(
        default=31,
        ge=1,
        description="A backlog is worked off in slices, the newest days first: so many days are a run of a backfill, "
        "and so many of the days that core owes are built by a run besides its own.",
    )
    active: bool = Field(
        default=False, description="True: schedules and sensors start with the deployment, not by hand."
    )
    trailing: bool = Field(default=True, description="Each channel's reading of its trailing days.")
    inbox: bool = Field(default=True, description="The webhooks that wait, from the inbox to the floor.")
    inbox_worker: bool = Field(
        default=True,
        description="A process that waits for webhooks (about 350 MB); False: each look starts a run by the queue.",
    )
    emission: bool = Field(default=True, description="Picks: every 15 minutes, and after each channel's run.")
    read_back: bool = Field(default=True, description="What ScanOrders shows for sent lines, and pushed statuses.")
    upkeep: bool = Field(default=True, description="The nightly upkeep of the lake's files.")
    retention: bool = Field(default=True, description="The nightly removal of what is kept for some days only.")
    reconciliation: bool = Field(default=True, description="The daily comparison of raw, core, outbox and floor.")
    reconciled_days: int = Field(default=14, ge=1, description="The last days that are compared.")

    def is_on(self, part: AutomatedPart) -> bool:
        """Whether a part of the automation starts by itself."""
        return self.active and bool(getattr(self, part))


class HistorySettings(BaseModel, extra="forbid"):
    """How long Dagster's own store keeps runs with their events and logs. What it knows of partitions stays."""

    keep_days: int = Field(default=30, ge=1, description="Finished runs stay so long.")
    keep_idle_days: int = Field(default=2, ge=0, description="Runs that ended well and found nothing stay so long.")


class _CommonSettings(ClusterSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", env_file=".env", extra="ignore")

    data_dir: Path = Path("data")
    operations_url: str | None = Field(default=None, description="None: SQLite in data_dir; or a PostgreSQL URL.")
    dagster_storage_url: str | None = Field(
        default=None,
        pattern="^postgresql(\\+psycopg2)?://",
        description="Runs, events and schedules. None: SQLite in data_dir; or a PostgreSQL URL. Where DAGSTER_HOME is "
        "set, the dagster.yaml there says it instead.",
    )
    witness_dir: str = Field(
        default="",
        description="Where this machine remembers how far the stores have come, outside of data_dir. Empty: the user's "
        "state directory; `none`: nowhere.",
    )
    lake: LakeSettings = LakeSettings()
    s3: S3Settings = S3Settings()
    webhooks: WebhookSettings = WebhookSettings()
    scanorders: ScanOrdersSettings = ScanOrdersSettings()
    floors: dict[FloorName, FloorSettings] = Field(
        default_factory=dict[str, FloorSettings],
        description="Further floors by name, beside `main`, whose account is that of `scanorders`: "
        "ORDER_PIPELINE_FLOORS__NORTH__CLIENT_ID. A channel's `locations` say which picks are whose.",
    )
    picking: PickingSettings = PickingSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    history: HistorySettings = HistorySettings()
    alerts: AlertSettings = AlertSettings()
    ui: UiSettings = UiSettings()

    @field_validator("data_dir")
    @classmethod
    def _can_hold_a_lake(cls, directory: Path) -> Path:
        path = directory.resolve()
        if "\\" in str(path) or not str(path).isprintable():
            raise ValueError(f"{str(path)!r}: DuckDB takes no directory with a backslash or a control character")
        if odd := [part for part in path.parts if part.casefold().startswith(_PARTITION_FOLDERS)]:
            raise ValueError(f"{path}: {odd[0]!r} looks like a folder of the lake's partitions; choose another name")
        return directory

    @model_validator(mode="after")
    def _floors_and_locations_fit(self) -> Self:
        if MAIN in self.floors:
            raise ValueError(
                f"the floor {MAIN} is set by ORDER_PIPELINE_SCANORDERS__..., not by FLOORS__{MAIN.upper()}"
            )
        named: set[str] = set()
        for channel in registry.NAMES:
            group = self.of_channel(channel)
            places = {f"location {place!r}": floor for place, floor in group.floors_by_location().items()}
            for place, floor in {"FLOOR": group.floor, **places}.items():
                if floor not in self.floor_settings:
                    meant = did_you_mean(floor, self.floor_settings)
                    raise ValueError(f"{channel}, {place}: no setting makes a floor {floor}{meant}")
            named |= {group.floor, *places.values()}
        # A demo has locations of its own, whatever floors the environment makes for real orders.
        if (idle := sorted(self.floors.keys() - named)) and not self.demo_world_file.exists():
            meant = did_you_mean(idle[0], named)
            raise ValueError(f"no location is picked by the floor {idle[0]} (<CHANNEL>__LOCATIONS){meant}")
        tokens = [each.access_token.get_secret_value() for each in self.floor_settings.values() if each.access_token]
        if len(set(tokens)) < len(tokens):
            raise ValueError("two floors have one access_token: each has a ScanOrders account of its own")
        return self

    @property
    def floor_settings(self) -> dict[str, ScanOrdersSettings]:
        """What holds for each floor, by its name; `main` is the first."""
        further = {name: settings_of_floor(self.scanorders, floor) for name, floor in self.floors.items()}
        return {MAIN: self.scanorders, **further}

    @property
    def demo_world_file(self) -> Path:
        """Stands in the data directory of a demo: fake orders, which must never meet real channels or a real floor."""
        return self.data_dir / "demo_world.json"

    @property
    def resolved_operations_url(self) -> str:
        """The operations store's SQLAlchemy URL, the embedded default filled in."""
        from sqlalchemy import URL  # noqa: PLC0415 - takes long to import, and `--help` needs no store

        if self.operations_url:
            return self.operations_url
        # Not formatted in: a `?` or `%` of the directory's name would be read as part of the URL's syntax.
        file = URL.create("sqlite", database=str(self.data_dir.resolve() / "operations.sqlite"))
        return file.render_as_string(hide_password=False)

    @property
    def resolved_witness_dir(self) -> Path | None:
        """The witness's directory, the default filled in; None: no witness is kept, or the user has no home."""
        if self.witness_dir:
            return None if self.witness_dir == "none" else Path(self.witness_dir)
        state = os.environ.get("XDG_STATE_HOME")
        try:
            return (Path(state) if state else Path.home() / ".local" / "state") / "order-pipeline"
        except RuntimeError:
            return None

    def of_channel(self, name: str) -> Any:
        """The settings of a channel, of the class that its `settings.py` defines, its rate kept by all processes."""
        group = getattr(self, name)
        rate: RateSettings | None = getattr(group, "rate", None)
        if rate is None or rate.requests_per_second is None or rate.pace_file is not None:
            return group
        kept_together = rate.model_copy(update={"pace_file": self.data_dir.resolve() / f"pace-{name}"})
        return group.model_copy(update={"rate": kept_together})

    def enabled_channels(self) -> list[Channel[Any]]:
        """The channels that are switched on."""
        return [channel for channel in registry.channels().values() if self.of_channel(channel.name).enabled]

    def floors_in_use(self) -> list[str]:
        """The floors that picks may go to, in the order of `floor_settings`."""
        groups = [self.of_channel(name) for name in self.picked_channels()]
        named = {floor for group in groups for floor in group.floors_by_location().values() or [group.floor]}
        return [name for name in self.floor_settings if name in (named or {MAIN})]

    def picked_channels(self) -> list[str]:
        """The channels whose orders may reach the floor: switched on, and to be picked."""
        flags = self.picking.model_extra or {}
        groups = {name: self.of_channel(name) for name in registry.NAMES}
        return [name for name, group in groups.items() if group.enabled and flags.get(name, group.picked_by_default)]


if TYPE_CHECKING:

    class Settings(_CommonSettings):
        """The one settings object; build it where it is needed with `load_settings()`, never at import."""

        def __init__(self, **groups: Any) -> None: ...

else:
    _groups = {name: registry.settings_class(name) for name in registry.NAMES}
    Settings = create_model(
        "Settings",
        __base__=_CommonSettings,
        __doc__="The one settings object; build it where it is needed with `load_settings()`, never at import.",
        __module__=__name__,
        **{name: (group, group()) for name, group in _groups.items()},
    )


def load_settings() -> Settings:
    """Read the settings from the environment and `.env`.

    Raises:
        UnknownSettingError: a name begins with `ORDER_PIPELINE_` and is no setting.
        ValidationError: a value is not what its setting takes.
    """
    check_names(Settings, [*os.environ, *dotenv_values(".env")], {"picking": registry.NAMES})
    hide_secrets_of(settings := Settings())
    return settings
