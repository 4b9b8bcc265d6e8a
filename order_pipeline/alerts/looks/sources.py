"""Whether each channel is read, proved complete and built into core, as the lake tells it.

A report with a watermark ends the reading of an account up to the present (`channels.base.FetchReport`). So the last
such report says when a channel was read last, and the last complete one up to when nothing is missing. A run over old
days has an old watermark report: it makes no channel fresh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from order_pipeline.alerts.kinds import Kind
from order_pipeline.alerts.looks.staleness import Clocked, find_stale
from order_pipeline.channels.base import QUOTA_USED_UP
from order_pipeline.channels.cron import strikes_before
from order_pipeline.operations.incidents import Incident
from order_pipeline.settings import AlertSettings, Settings
from order_pipeline.warehouse.core.failed_days import FailedDay, read_failed_days
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.certificates import UnprovedWindows, read_unproved_windows
from order_pipeline.warehouse.raw.fetch_states import (
    AccountState,
    SourceStop,
    read_account_states,
    read_last_readings,
    read_stops,
)
from order_pipeline.warehouse.raw.owed_days import OwedDays, read_backlogs_that_stay
from order_pipeline.warehouse.raw.read_days import read_missing_days

KINDS = (Kind.SOURCE_STALE, Kind.QUOTA_STOPPED, Kind.WINDOW_UNPROVED, Kind.DAYS_OWED, Kind.DAYS_MISSING)


def find_source_incidents(settings: Settings, clocked: Sequence[Clocked], now: datetime) -> Iterator[Incident]:
    """What is late or missing of the channels that are switched on; nothing while there is no lake.

    Args:
        settings: name the lake and the thresholds.
        clocked: what is read by itself, and when; a channel that is not in it is never stale.
        now: the time.

    Raises:
        LakeError: the lake cannot be opened.
    """
    lake = Lake(settings)
    if not lake.is_made():
        return
    thresholds = settings.alerts
    enabled = {channel.name for channel in settings.enabled_channels()}
    with closing(lake.connect(read_only=True)) as connection:
        accounts = [each for each in read_account_states(connection, now) if each.source in enabled]
        stops = [each for each in read_stops(connection, QUOTA_USED_UP, now) if each.source in enabled]
        windows = read_unproved_windows(connection, now, before=now - timedelta(hours=thresholds.unproved_hours))
        readings = read_last_readings(connection, now)
        missing = read_missing_days(connection, now)
        owed = read_backlogs_that_stay(connection, _backlogs_compared_with(settings, clocked, now), now)
        failed = read_failed_days(connection)
    stopped = {stop.source for stop in stops}
    yield from find_stale(clocked, accounts, readings, thresholds.stale_after_cadences, now)
    yield from (_missing(source, days) for source, days in missing.items() if source in enabled)
    yield from (_quota_stop(stop) for stop in stops)
    yield from _find_unproved_accounts([each for each in accounts if each.source not in stopped], thresholds, now)
    yield from (_unproved(each) for each in windows if each.source in enabled - stopped)
    yield from (_owed(each, [day for day in failed if day.source == each.source]) for each in owed)


def _backlogs_compared_with(settings: Settings, clocked: Sequence[Clocked], now: datetime) -> dict[str, datetime]:
    """By channel, the moment since which its backlog should have become smaller.

    That is `owed_hours` ago, or the last but one moment of its cron where that is earlier: a whole run lies between.
    """
    late = now - timedelta(hours=settings.alerts.owed_hours)
    moments = {channel.name: late for channel in settings.enabled_channels()}
    for each in clocked:
        if each.family is None and each.source in moments:
            moments[each.source] = min(late, next(islice(strikes_before(each.cron, now), 1, None), late))
    return moments


def _quota_stop(stop: SourceStop) -> Incident:
    return Incident(
        kind=Kind.QUOTA_STOPPED,
        subject=stop.source,
        message=f"The call quota of {stop.source} ended its last run before its end{_until(stop.note)}.",
        next_step="Nothing, if it happens once: the next run goes on where this one ended. Again: ask for a larger "
        f"quota, or make the trailing window of {stop.source} shorter.",
        since=stop.fetched_at,
        run_id=stop.run_id,
        partitions=_days(stop.first, stop.last),
    )


def _until(note: str) -> str:
    """`; go on after <time>`, where the channel's note names one."""
    _, found, after = note.partition(f"{QUOTA_USED_UP}: go on after ")
    return f"; go on after {after.split(';')[0].strip()}" if found else ""


def _find_unproved_accounts(
    accounts: list[AccountState], thresholds: AlertSettings, now: datetime
) -> Iterator[Incident]:
    for account in accounts:
        late = timedelta(hours=thresholds.unproved_hours)
        if account.is_complete or now - (account.complete_at or account.first_at) < late:
            continue
        proved = "never" if account.complete_at is None else f"last at {_moment(account.complete_at)}"
        yield Incident(
            kind=Kind.WINDOW_UNPROVED,
            subject=f"{account.source} {account.name}",
            message=f"{account.source}, {account.name}: its runs end, but do not prove that everything came "
            f"({proved}).",
            next_step="Open the run: the check `windows_proved_complete` says what remains. Mend it, then "
            f"`order-pipeline run --source {account.source}`.",
            since=account.complete_at or account.first_at,
            run_id=account.run_id,
        )


def _unproved(windows: UnprovedWindows) -> Incident:
    last = windows.last_day
    return Incident(
        kind=Kind.WINDOW_UNPROVED,
        subject=windows.source,
        message=f"Windows of {windows.source} that are not proved complete: {windows.count} "
        f"({', '.join(windows.resources)}).",
        next_step=f"order-pipeline run --source {windows.source} --from {windows.first_day} --to {last}",
        since=windows.since,
        run_id=windows.run_id,
        partitions=_days(windows.first_day, last),
    )


def _owed(owed: OwedDays, failed: Sequence[FailedDay]) -> Incident:
    reason = f"; {len(failed)} failed, {failed[-1].day} by {failed[-1].error}" if failed else ""
    return Incident(
        kind=Kind.DAYS_OWED,
        subject=owed.source,
        message=f"Core of {owed.source} owes {owed.days} day{'s' if owed.days > 1 else ''} that raw has, and they do "
        f"not become fewer, the oldest since {_moment(owed.since)}{reason}.",
        next_step=f"order-pipeline run --source {owed.source} --from {owed.first_day} --to {owed.last_day}",
        since=owed.since,
        partitions=_days(owed.first_day, owed.last_day),
    )


def _missing(source: str, days: Sequence[date]) -> Incident:
    return Incident(
        kind=Kind.DAYS_MISSING,
        subject=source,
        message=f"{len(days)} day{'s' if len(days) > 1 else ''} of {source} between days that were read "
        f"{'were' if len(days) > 1 else 'was'} never read: nothing ran for longer than the trailing window is.",
        next_step=f"order-pipeline run --source {source} --from {days[0]} --to {days[-1]}",
        partitions=_days(days[0], days[-1]),
    )


def _days(first: date, last: date) -> str:
    return f"{first}" if first >= last else f"{first}...{last}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
