"""What `status` shows, read from the stores. Changes nothing, makes nothing, waits for no writer.

A part that cannot be read is told as such and hides none of the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import make_url

from order_pipeline.channels.channel import Channel
from order_pipeline.cli.demo_world import remembered_world
from order_pipeline.destinations.scanorders_token import load_token
from order_pipeline.floors import MAIN
from order_pipeline.operations import inbox
from order_pipeline.operations.incidents import open_incidents
from order_pipeline.operations.installation_note import NOTE_NAME, InstallationNotes
from order_pipeline.operations.store import OperationsStore
from order_pipeline.orchestration.automation_state import read_automation_state
from order_pipeline.picking.operators.views import check_doubts
from order_pipeline.picking.outbox.counts import count_by_state, held_by_reason, open_task_count
from order_pipeline.redaction.errors import described
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.raw.certificates import of_order_days, read_day_certificates
from order_pipeline.warehouse.raw.fetch_states import LastReading, read_last_readings
from order_pipeline.warehouse.raw.owed_days import read_owed_days

GIGABYTE = 10**9
OPEN_REJECTS = "SELECT source, count(*) FROM quarantine.rejects WHERE resolved_at IS NULL GROUP BY source"


@dataclass(frozen=True, slots=True)
class FamilyReading:
    """What is fetched together: when it was last read to the present and proved complete, and when it was last tried.

    `family` is empty where all of a channel comes together. `read_at` is None where that never happened.
    """

    family: str
    read_at: datetime | None
    lag_minutes: float | None
    tried_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One channel; `owed_days` are days of core that are older than raw, the oldest mark since `owed_since`.

    `days_by_certificate` counts its days by what is proved of them (`marts.day_certificates`); `first_day_wanting` is
    the first one that a run could prove.
    """

    channel: str
    enabled: bool
    families: list[FamilyReading]
    owed_days: int
    owed_since: datetime | None
    open_rejects: int
    days_by_certificate: dict[str, int] = field(default_factory=dict[str, int])
    first_day_wanting: date | None = None


@dataclass(frozen=True, slots=True)
class Picks:
    """The outbox: lines by state, held lines by reason; doubts and tasks wait for a person, webhooks for a run."""

    by_state: dict[str, int]
    held: dict[str, int]
    in_doubt: int
    oldest_doubt_minutes: float
    open_tasks: int
    waiting_webhooks: dict[str, int]


@dataclass(frozen=True, slots=True)
class Login:
    """A floor's ScanOrders login. `expires_at` is None where none is known, `is_there` False where nobody did."""

    sends: bool
    is_there: bool
    expires_at: datetime | None
    days_left: float | None
    floor: str = MAIN


@dataclass(frozen=True, slots=True)
class Disk:
    """Room where the data directory lies, in gigabytes; `wanted` is the setting."""

    free: float
    total: float
    wanted: float


@dataclass(frozen=True, slots=True)
class Automation:
    """Whether schedules run by setting, what a person switched, and the daemon's newest sign of life."""

    active: bool
    off_after_restore: bool
    switched_on: list[str]
    switched_off: list[str]
    daemon_heard_at: datetime | None


@dataclass(slots=True)
class Status:
    """All of it. A part is None where it could not be read, or is not made yet; `unread` says why.

    `wrong` names the lines for which the exit code is 1.
    """

    at: datetime
    data_dir: str
    is_demo: bool
    channels: list[ChannelState] | None = None
    picks: Picks | None = None
    logins: list[Login] | None = None
    alerts: list[dict[str, Any]] | None = None
    disk: Disk | None = None
    automation: Automation | None = None
    unread: dict[str, str] = field(default_factory=dict[str, str])
    wrong: list[str] = field(default_factory=list[str])


def read_status(settings: Settings, now: datetime | None = None) -> Status:
    """Read everything once.

    Args:
        settings: that name the stores.
        now: the time; tests give another.
    """
    moment = now or datetime.now(UTC)
    world = remembered_world(settings)
    status = Status(moment, str(settings.data_dir.resolve()), world is not None)
    parts: Mapping[str, Callable[[], object]] = {
        "channels": lambda: _read_channels(settings, moment, world.today if world else date.max),
        "picks": lambda: _read_picks(settings),
        "logins": lambda: [_read_login(settings, floor, moment) for floor in settings.floors_in_use()],
        "alerts": lambda: _read_alerts(settings),
        "disk": lambda: _read_disk(settings),
        "automation": lambda: _read_automation(settings),
    }
    for name, read in parts.items():
        try:
            setattr(status, name, read())
        except NotThereError as error:
            status.unread[name] = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other parts are told
            status.unread[name] = described(error)
    return status


class NotThereError(RuntimeError):
    """A store is not made yet, or missing."""


def _require(file: Path, settings: Settings) -> None:
    if file.exists():
        return
    is_first_start = not (settings.data_dir / NOTE_NAME).exists()
    why = "not made yet, the first run makes it" if is_first_start else "missing: `order-pipeline doctor`"
    raise NotThereError(f"{file.name}: {why}")


def _read_channels(settings: Settings, now: datetime, present: date) -> list[ChannelState]:
    lake = Lake(settings)
    if lake.catalog_file is not None:
        _require(lake.catalog_file, settings)
    with closing(lake.connect(read_only=True)) as connection:
        readings = read_last_readings(connection, now, present)
        owed = {each.source: each for each in read_owed_days(connection, marked_before=now)}
        rejects = _open_rejects(connection)
        certificates = read_day_certificates(connection, now)
    enabled = {channel.name: channel for channel in settings.enabled_channels()}
    others = sorted(({each.source for each in readings} | owed.keys() | rejects.keys()) - enabled.keys())
    return [
        ChannelState(
            channel=name,
            enabled=name in enabled,
            families=_families(enabled.get(name), [each for each in readings if each.source == name], now),
            owed_days=owed[name].days if name in owed else 0,
            owed_since=owed[name].since if name in owed else None,
            open_rejects=rejects.get(name, 0),
            days_by_certificate=Counter(each.state for each in of_order_days(certificates, name).values()),
            first_day_wanting=min(
                (day for day, each in of_order_days(certificates, name).items() if each.is_wanting), default=None
            ),
        )
        for name in [*enabled, *others]
    ]


def _open_rejects(connection: Connection) -> dict[str, int]:
    return dict(connection.execute(OPEN_REJECTS).fetchall())


def _families(channel: Channel[Any] | None, readings: list[LastReading], now: datetime) -> list[FamilyReading]:
    """One a family. Where an account's watermark proves it, what hangs on it (details, parcels) says nothing more."""
    families = (
        channel.families if channel is not None and channel.families else {"": {each.resource for each in readings}}
    )
    found: list[FamilyReading] = []
    for family, resources in families.items():
        own = [each for each in readings if each.resource in resources]
        own = [each for each in own if each.has_watermark] or own
        proved = [each.read_at for each in own if each.read_at is not None]
        read_at = min(proved) if proved and len(proved) == len(own) else None
        lag = round((now - read_at) / timedelta(minutes=1), 1) if read_at else None
        found.append(FamilyReading(family, read_at, lag, max((each.tried_at for each in own), default=None)))
    return found


@contextmanager
def _operations(settings: Settings) -> Iterator[OperationsStore]:
    """The operations store; a file that does not exist is not made, nor are tables."""
    address = make_url(settings.resolved_operations_url)
    if address.get_backend_name() == "sqlite":
        _require(Path(str(address.database)), settings)
    with closing(OperationsStore(settings.resolved_operations_url)) as store:
        yield store


def _read_picks(settings: Settings) -> Picks:
    with _operations(settings) as store:
        doubts = check_doubts(store, settings.picking.doubt_alert_minutes)
        waiting = {
            channel.name: inbox.counts(store, channel.name).pending
            for channel in settings.enabled_channels()
            if channel.webhook
        }
        with store.reading() as connection:
            return Picks(
                by_state={state.value: count for state, count in count_by_state(connection).items()},
                held=held_by_reason(connection),
                in_doubt=doubts.in_doubt,
                oldest_doubt_minutes=round(doubts.oldest_minutes, 1),
                open_tasks=open_task_count(connection),
                waiting_webhooks=waiting,
            )


def _read_login(settings: Settings, floor: str, now: datetime) -> Login:
    there = settings.floor_settings[floor]
    if there.access_token is not None:
        return Login(there.send, is_there=True, expires_at=None, days_left=None, floor=floor)
    token = load_token(settings, floor)
    if token is None or token.expires_at is None:
        return Login(there.send, is_there=token is not None, expires_at=None, days_left=None, floor=floor)
    left = round((token.expires_at - now) / timedelta(days=1), 1)
    return Login(there.send, is_there=True, expires_at=token.expires_at, days_left=left, floor=floor)


def _read_alerts(settings: Settings) -> list[dict[str, Any]]:
    shown = ("incident_id", "kind", "subject", "message", "next_step", "since")
    with _operations(settings) as store:
        return [{name: row[name] for name in shown} for row in open_incidents(store)]


def _read_disk(settings: Settings) -> Disk:
    directory = settings.data_dir.resolve()
    while not directory.exists():
        directory = directory.parent
    usage = psutil.disk_usage(str(directory))
    wanted = settings.alerts.disk_free_gigabytes
    return Disk(round(usage.free / GIGABYTE, 1), round(usage.total / GIGABYTE, 1), wanted)


def _read_automation(settings: Settings) -> Automation:
    state = read_automation_state(settings)
    note = InstallationNotes(settings.data_dir.resolve(), settings.resolved_witness_dir).read()
    is_off = note is not None and note.schedules_off
    return Automation(
        active=settings.schedule.active and not is_off,
        off_after_restore=is_off,
        switched_on=state.switched_on,
        switched_off=state.switched_off,
        daemon_heard_at=state.daemon_heard_at,
    )
