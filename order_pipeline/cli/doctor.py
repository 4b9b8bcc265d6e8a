"""`order-pipeline doctor`: what is configured, what is reachable, what is missing. Changes nothing, sends no order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Annotated

import duckdb
import typer

from order_pipeline.channels import registry
from order_pipeline.cli.alert_findings import look_at_alerts
from order_pipeline.cli.doctor_days import look_at_owed_days
from order_pipeline.cli.doctor_files import look_at_files
from order_pipeline.cli.doctor_stores import look_at_stores, look_at_versions, look_at_what_belongs_together
from order_pipeline.cli.findings import Finding, name_of_floor
from order_pipeline.cli.output import Format, NeutralCells, print_objects
from order_pipeline.cli.tables import print_table
from order_pipeline.http.errors import NotConfigured
from order_pipeline.redaction.errors import described
from order_pipeline.settings import Settings, load_settings

THE_FAKES = "the demo's fake: `order-pipeline demo` and `ui` run it and need no credentials"
LOCATIONS = """
SELECT source, coalesce(ship_from_code, ship_from_name) AS location, count(*)
FROM (
    SELECT * FROM core.shipments WHERE order_day >= current_date - 30
    QUALIFY ship_from_code IS NOT NULL OR count(ship_from_code) OVER (PARTITION BY source) = 0
)
WHERE location IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


def doctor(
    online: Annotated[bool, typer.Option(help="Also ask each configured API one small question.")] = True,  # noqa: FBT002
    output: Annotated[Format, typer.Option("--format", help="How to print the result.")] = Format.TABLE,
    neutral_cells: NeutralCells = False,  # noqa: FBT002
) -> None:
    """Look at settings, stores and credentials, and say what is missing and what to do about it.

    The exit code is 1 when something that is switched on cannot work. No secret is shown.
    """
    from order_pipeline.cli.probes import ask_online  # noqa: PLC0415

    settings = load_settings()
    findings = [finding for look in LOOKS for finding in found_by(look, settings)]
    if online:
        findings += ask_online(settings)
    if output is Format.TABLE:
        print_table(["what", "state", "detail"], [[each.what, each.state, _told(each)] for each in findings])
    else:
        names = ("what", "state", "detail", "next_step")
        print_objects(
            [{name: getattr(each, name) for name in names} for each in findings], output, neutral_cells=neutral_cells
        )
    if any(finding.state in {"missing", "failed"} for finding in findings):
        raise typer.Exit(1)


def found_by(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    """The findings of one look; one that fails for a reason nobody foresaw keeps no other's back."""
    try:
        yield from look(settings)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        what = look.__name__.removeprefix("look_at_").replace("_", " ")
        yield Finding(
            what, "failed", described(error), getattr(error, "next_step", "") or "Mend the cause; the rest is above."
        )


def _told(finding: Finding) -> str:
    return f"{finding.detail}\nnext: {finding.next_step}" if finding.next_step else finding.detail


def look_at_data(settings: Settings) -> Iterator[Finding]:
    """The data directory and what it was filled from."""
    from order_pipeline.cli.demo_world import remembered_world  # noqa: PLC0415

    directory = settings.data_dir.resolve()
    world = remembered_world(settings)
    detail = f"{directory}: " + (f"a demo, {world.days} days x {world.orders} orders" if world else "no demo")
    advice = "For real channels use another ORDER_PIPELINE_DATA_DIR, or `make clean`." if world else ""
    yield Finding("data directory", "ok", detail, advice)


def look_at_environment(_settings: Settings) -> Iterator[Finding]:
    """The variables beside our settings that decide how an API is reached: proxies, and certificates to trust."""
    from order_pipeline.http import environment  # noqa: PLC0415

    advice = "Correct the variable, then run `order-pipeline doctor` again."
    for name in environment.PROXY_VARIABLES:
        variable, value = environment.read_variable(name)
        if value:
            shown = f"{variable}={environment.without_user(value)}"
            try:
                environment.checked_proxy(variable, value)
                yield Finding("proxy", "ok", f"{shown}; loopback is never proxied")
            except environment.WrongEnvironment as error:
                yield Finding("proxy", "failed", str(error), advice)
    if odd := environment.odd_exceptions():
        yield Finding("proxy", "waits", f"NO_PROXY names neither a host nor a network: {', '.join(odd)}", advice)
    try:
        environment.trusted_authorities()
    except environment.WrongEnvironment as error:
        yield Finding("certificates", "failed", str(error), advice)


def look_at_channels(settings: Settings) -> Iterator[Finding]:
    """Which channels are on, and which settings they lack; a demo's channels are its fakes and lack nothing."""
    is_demo = settings.demo_world_file.exists()
    for channel in registry.channels().values():
        group, prefix = settings.of_channel(channel.name), f"ORDER_PIPELINE_{channel.name.upper()}__"
        if not group.enabled:
            yield Finding(channel.name, "off", f"{prefix}ENABLED=false")
            continue
        missing = [f"{prefix}{field.upper()}" for field in group.required() if not getattr(group, field)]
        if missing and is_demo:
            yield Finding(channel.name, "ok", THE_FAKES)
        elif missing:
            advice = f"Set them, or {prefix}ENABLED=false."
            yield Finding(channel.name, "missing", f"not set: {', '.join(missing)}", advice)
        else:
            yield Finding(channel.name, "ok", "configured")
    if any(channel.webhook for channel in settings.enabled_channels()):
        token = settings.webhooks.secret_path_token
        if token is None and is_demo:
            yield Finding("webhooks", "ok", THE_FAKES)
        elif token is None:
            advice = "Set a long random text; it is the secret part of the webhook's URL."
            yield Finding("webhooks", "missing", "not set: ORDER_PIPELINE_WEBHOOKS__SECRET_PATH_TOKEN", advice)
        else:
            yield Finding("webhooks", "ok", f"{settings.webhooks.host}:{settings.webhooks.port}")


def look_at_scanorders(settings: Settings) -> Iterator[Finding]:
    """Whether picks would be sent, to whom, and whether the login holds, of each floor that is in use."""
    from order_pipeline.destinations.demo_guard import DemoDirectoryError, refuse_demo_orders  # noqa: PLC0415
    from order_pipeline.destinations.scanorders_token import expiry_warning  # noqa: PLC0415
    from order_pipeline.destinations.settings import setting_of  # noqa: PLC0415

    for floor in settings.floors_in_use():
        scanorders, what = settings.floor_settings[floor], name_of_floor(settings, floor)
        if settings.demo_world_file.exists() and not scanorders.send:
            yield Finding(what, "ok", THE_FAKES)
            yield Finding(f"{what} login", "off", "the demo's floor needs none")
            continue
        mode = "sends" if scanorders.send else f"dry run: {setting_of(floor, 'SEND')} is not true"
        if scanorders.allowed_order_numbers is not None:
            mode += f", only {len(scanorders.allowed_order_numbers)} orders that are allowed by name"
        try:
            if scanorders.send:
                refuse_demo_orders(settings)
            yield Finding(what, "ok", f"{scanorders.base_url}: {mode}")
        except DemoDirectoryError as error:
            yield Finding(what, "failed", str(error), "Until then nothing is sent.")
        try:
            warning = expiry_warning(settings, floor=floor)
        except NotConfigured as error:
            warning = str(error)
        state = "ok" if warning is None else "missing" if scanorders.send else "off"
        yield Finding(f"{what} login", state, warning or "a token is at hand")
    yield from _find_shared_logins(settings)


def _find_shared_logins(settings: Settings) -> Iterator[Finding]:
    """Floors that one user is logged in to: their picks would be on one screen."""
    from order_pipeline.destinations.scanorders_token import load_token, login_command  # noqa: PLC0415

    users: dict[str, list[str]] = {}
    for floor in [name for name, there in settings.floor_settings.items() if there.access_token is None]:
        with suppress(NotConfigured):
            token = load_token(settings, floor)
            if token is not None and token.uid is not None:
                users.setdefault(token.uid, []).append(floor)
    for floors in users.values():
        if len(floors) > 1:
            detail = f"one user is logged in to the floors {', '.join(floors)}: their picks go to one account"
            advice = f"Log in to each as its own user: {login_command(floors[-1])}"
            yield Finding("scanorders login", "failed", detail, advice)


def look_at_reference(settings: Settings) -> Iterator[Finding]:
    """Whether the file that the pipeline loads is there, and can be loaded."""
    from order_pipeline.reference.item_locations import (  # noqa: PLC0415
        ReferenceDataError,
        check_item_locations,
        item_locations_path,
        items_loaded_elsewhere,
    )
    from order_pipeline.warehouse.lake.connection import Lake, LakeError  # noqa: PLC0415

    path = item_locations_path(settings)
    if not path.exists():
        with suppress(LakeError, duckdb.Error), closing(Lake(settings)) as lake:
            if lake.is_made() and (items := items_loaded_elsewhere(lake, path)):
                yield Finding("item locations", "ok", f"{items:,} items in the lake, loaded on another machine")
                return
        advice = f"Save your list of items as {path}: without a bin and a barcode nothing can be picked."
        yield Finding("item locations", "missing", "no file", advice)
        return
    advice = f"order-pipeline locations check {path}"
    try:
        checked = check_item_locations(path, settings.floor_settings)
    except ReferenceDataError as error:
        yield Finding("item locations", "failed", str(error), advice)
        return
    detail = f"{path}: {len(checked.frame):,} items, {len(checked.refusals)} lines refused"
    yield Finding("item locations", "failed" if checked.refusals else "ok", detail, advice if checked.refusals else "")


def look_at_locations(settings: Settings) -> Iterator[Finding]:
    """Locations of the last 30 days' shipments that no setting names, of channels that have several."""
    from order_pipeline.warehouse.lake.connection import Lake, LakeError  # noqa: PLC0415

    try:
        seen = Lake(settings).query(LOCATIONS).rows
    except LakeError:
        return  # said above, or not made yet
    if settings.demo_world_file.exists():
        return  # the fakes name our locations themselves
    for name in settings.picked_channels():
        group, prefix = settings.of_channel(name), f"ORDER_PIPELINE_{name.upper()}__"
        named = {*group.locations, *group.other_locations}
        unnamed = [(place, count) for source, place, count in seen if source == name and place not in named]
        if not unnamed or (len(unnamed) == 1 and not group.locations):
            continue
        listed = ", ".join(f"{place} ({count} shipments)" for place, count in unnamed)
        effect = "are not picked" if group.locations else "are held: which are ours?"
        advice = f"Name them in {prefix}LOCATIONS, or in {prefix}OTHER_LOCATIONS if others pick there."
        state = "waits" if group.locations else "missing"
        yield Finding(f"{name} locations", state, f"no setting names {listed}; they {effect}", advice)


def look_at_what_waits(settings: Settings) -> Iterator[Finding]:
    """Rejects that are open, and webhooks that no run has taken."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from order_pipeline.operations import inbox  # noqa: PLC0415
    from order_pipeline.operations.store import OperationsStore  # noqa: PLC0415
    from order_pipeline.warehouse.lake.connection import Lake, LakeError  # noqa: PLC0415

    open_rejects = (
        "SELECT source, count(*), count(*) FILTER (rule = 'unforeseen') FROM quarantine.rejects"
        " WHERE resolved_at IS NULL GROUP BY source ORDER BY 1"
    )
    try:
        found = Lake(settings).query(open_rejects).rows
    except (LakeError, SQLAlchemyError):
        return  # said above, or not made yet
    detail = ", ".join(f"{source} {count}{f' ({bad} unforeseen)' if bad else ''}" for source, count, bad in found)
    advice = "order-pipeline quarantine list" if found else ""
    yield Finding("quarantine", "waits" if found else "ok", detail or "no reject is open", advice)
    try:
        store = OperationsStore(settings.resolved_operations_url)
        for channel in settings.enabled_channels():
            if channel.webhook:
                counted = inbox.counts(store, channel.name)
                detail = f"{counted.pending} wait for a run, {counted.unparsable} were no JSON"
                yield Finding(f"{channel.name} inbox", "waits" if counted.pending else "ok", detail)
        store.close()
    except (SQLAlchemyError, OSError):
        return  # said above


LOOKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    look_at_data,
    look_at_files,
    look_at_stores,
    look_at_versions,
    look_at_what_belongs_together,
    look_at_reference,
    look_at_environment,
    look_at_channels,
    look_at_scanorders,
    look_at_locations,
    look_at_owed_days,
    look_at_what_waits,
    look_at_alerts,
)
