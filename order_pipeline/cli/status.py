"""`order-pipeline status`: how it goes, on one screen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import typer

from order_pipeline.cli.status_facts import ChannelState, Login, Picks, Status, read_status
from order_pipeline.cli.tables import ENCODER, minute, print_table, print_text
from order_pipeline.destinations.scanorders_token import login_command
from order_pipeline.destinations.settings import setting_of
from order_pipeline.settings import Settings, load_settings

LONGEST_SILENCE = timedelta(minutes=5)
"""Dagster's daemon gives a sign of life twice a minute."""
Line = tuple[str, str, str]


def status(
    json: Annotated[bool, typer.Option("--json", help="One JSON object with every figure.")] = False,  # noqa: FBT002
) -> None:
    """Show how it goes: channels, picks, login, alerts, disk, schedules. Changes nothing and asks no API.

    \b
    channel     last success: last read to the present, and proved complete;
                lag: how long ago. owed: days whose core is older than raw.
                rejects: rows in quarantine that nobody has closed.
    state       ok; waits: for a person or a run; off; wrong: look at it.
    complete    days by what is proved of them: certified, in progress, no list
                (the channel has none to prove a day), or what is wanting.
    exit code   0: nothing is wrong. 1: a line is `wrong` - an alert is open,
                picks cannot be sent, the disk is full, the daemon is silent
                while schedules are on, or a part cannot be read.
                2: a setting is wrong.

    Works while runs write. `order-pipeline doctor` says what is missing and asks the APIs; `alerts list` says what to
    do.
    """  # noqa: D301
    settings = load_settings()
    found = read_status(settings)
    lines = list(judged(found, settings))
    found.wrong = [what for what, state, _ in lines if state == "wrong"]
    if json:
        sys.stdout.write(ENCODER.encode(found).decode() + "\n")
    else:
        print_text(f"{found.data_dir}{' (a demo)' if found.is_demo else ''}, {minute(found.at)} UTC", style="bold")
        if found.channels:
            columns = ["channel", "family", "last success (UTC)", "lag", "owed", "rejects"]
            print_table(columns, _channel_rows(found))
        print_table(["what", "state", "now"], lines)
    if found.wrong:
        raise typer.Exit(1)


def _channel_rows(found: Status) -> list[list[object]]:
    rows: list[list[object]] = []
    for channel in found.channels or []:
        for number, each in enumerate(channel.families):
            tried = each.tried_at is not None and each.tried_at != each.read_at
            told = minute(each.read_at) or ("never complete" if tried else "never")
            lag = "" if each.lag_minutes is None else span(timedelta(minutes=each.lag_minutes))
            figures = ("", "") if number else (channel.owed_days, channel.open_rejects)
            name = channel.channel if channel.enabled else f"{channel.channel} (off)"
            rows.append([name, each.family, told, lag, *figures])
    return rows


def judged(found: Status, settings: Settings) -> Iterator[Line]:
    """What is below the channels: what, state, now; first what could not be read."""
    for part, why in found.unread.items():
        is_new = "not made yet" in why
        yield part, "off" if is_new else "wrong", why if is_new else f"cannot be read: {why}"
    if found.channels is not None:
        yield _days(found.channels)
        yield _certificates(found.channels)
    if found.picks is not None:
        yield from _picks(found.picks)
    for login in found.logins or []:
        what = "login" if len(settings.floor_settings) == 1 else f"login {login.floor}"
        yield what, *_login(login, settings, is_demo=found.is_demo)
    if found.alerts is not None:
        told = "\n".join(f"{each['kind']} {each['subject']}: {each['message']}" for each in found.alerts)
        yield "alerts", "wrong" if found.alerts else "ok", told or "none is open"
    if found.disk is not None:
        disk = found.disk
        state = "wrong" if disk.free < disk.wanted else "ok"
        yield "disk", state, f"{disk.free:,.1f} of {disk.total:,.0f} GB free"
    yield from _automation(found)


def _days(channels: list[ChannelState]) -> Line:
    owed = [each for each in channels if each.owed_days]
    told = ", ".join(f"{each.channel} {each.owed_days} since {minute(each.owed_since)}" for each in owed)
    return "owed days", "waits" if owed else "ok", told or "core is as new as raw"


def _certificates(channels: list[ChannelState]) -> Line:
    told = [f"{each.channel} {_proved(each)}" for each in channels if each.days_by_certificate]
    is_wanting = any(each.first_day_wanting for each in channels)
    return "complete", "waits" if is_wanting else "ok", "\n".join(told) or "no day was asked for yet"


def _proved(channel: ChannelState) -> str:
    days = counted(channel.days_by_certificate)
    first = channel.first_day_wanting
    return f"{days}; run --source {channel.channel} --from {first}" if first else days


def _picks(picks: Picks) -> Iterator[Line]:
    moving = {state: count for state, count in picks.by_state.items() if state not in {"held", "in_doubt"}}
    yield "picks", "ok", counted(moving) or "none yet"
    yield "held", "waits" if picks.held else "ok", counted(picks.held) or "none"
    since = f"{picks.in_doubt:,}, the oldest for {span(timedelta(minutes=picks.oldest_doubt_minutes))}"
    yield "in doubt", "waits" if picks.in_doubt else "ok", since if picks.in_doubt else "none"
    yield "tasks", "waits" if picks.open_tasks else "ok", f"{picks.open_tasks:,} open" if picks.open_tasks else "none"
    if picks.waiting_webhooks:
        waiting = {name: count for name, count in picks.waiting_webhooks.items() if count}
        yield "webhooks", "waits" if waiting else "ok", counted(waiting) or "none waits for a run"


def _login(login: Login, settings: Settings, *, is_demo: bool) -> tuple[str, str]:
    command = login_command(login.floor)
    if is_demo:
        return "off", "the demo's floor needs none"
    if not login.sends:
        return "off", f"dry run: {setting_of(login.floor, 'SEND')} is not true"
    if not login.is_there:
        return "wrong", f"nobody has logged in: {command}"
    if login.days_left is None:
        return "ok", "a token without a known end"
    if login.days_left <= 0:
        return "wrong", f"ended {minute(login.expires_at)} UTC: {command}"
    is_near = login.days_left <= settings.floor_settings[login.floor].token_warning_days
    told = f"{login.days_left:.1f} days left, until {minute(login.expires_at)} UTC"
    return "waits" if is_near else "ok", f"{told}: {command}" if is_near else told


def _automation(found: Status) -> Iterator[Line]:
    automation = found.automation
    if automation is None:
        return
    by_setting = "on" if automation.active else "off until ORDER_PIPELINE_SCHEDULE__ACTIVE=true"
    parts = ["off after a restore: order-pipeline stores settled" if automation.off_after_restore else by_setting]
    if automation.switched_off:
        parts.append(f"off by hand: {', '.join(automation.switched_off)}")
    if automation.switched_on:
        parts.append(f"on by hand: {', '.join(automation.switched_on)}")
    state = "ok" if automation.active else "waits" if automation.off_after_restore else "off"
    yield "schedules", state, "; ".join(parts)
    heard = automation.daemon_heard_at
    is_silent = heard is None or found.at - heard > LONGEST_SILENCE
    expected = automation.active or bool(automation.switched_on)
    told = "never heard of" if heard is None else f"last heard of {span(found.at - heard)} ago"
    yield "daemon", "wrong" if is_silent and expected else "off" if is_silent else "ok", told


def counted(counts: dict[str, int]) -> str:
    """`a 3, b 1`, the most first."""
    return ", ".join(
        f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    )


def span(length: timedelta) -> str:
    """A length of time as a person says it: `12 min`, `5 h`, `3 days`."""
    minutes = max(0, int(length.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
