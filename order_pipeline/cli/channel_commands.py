"""`order-pipeline <channel> <command>`: what a person can ask a channel to do, from the channel's own description.

An action is a dry run unless `--send` is given and the channel's settings allow it; each is on record in the operations
store.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, get_type_hints

import msgspec
import typer

from order_pipeline.channels import registry
from order_pipeline.channels.base import Window
from order_pipeline.channels.channel import Channel
from order_pipeline.channels.operator_commands import (
    GOOD_OUTCOMES,
    ActionResult,
    OperatorCommands,
    RequestedRead,
    RequestError,
)
from order_pipeline.cli.output import fail, message_console
from order_pipeline.cli.tables import print_text
from order_pipeline.operations.store import open_store
from order_pipeline.recovery.stores import require_agreement
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState

Who = Annotated[str, typer.Option(help="Who asks for it; kept with the action.")]
Send = Annotated[bool, typer.Option("--send", help="Do it. Without: show what would be sent.")]


def command_of(name: str) -> Any:
    """The group of commands that a channel offers; None if it offers none."""
    channel = registry.channels()[name]
    return typer.main.get_command(_build_group(channel, channel.commands)) if channel.commands else None


def _build_group(channel: Channel[Any], commands: OperatorCommands[Any]) -> typer.Typer:
    group = typer.Typer(
        name=channel.name, no_args_is_help=True, help=commands.help, rich_markup_mode=None, add_completion=False
    )
    for name, act in commands.actions.items():
        group.command(name)(_action_command(channel, commands, act))
    for name, read in commands.reads.items():
        group.command(name)(_read_command(channel, read))
    return group


def _action_command(
    channel: Channel[Any], commands: OperatorCommands[Any], act: Callable[..., Coroutine[Any, Any, ActionResult]]
) -> Callable[..., None]:
    def command(who: str, send: bool, **values: Any) -> None:  # noqa: FBT001 - a command's options
        settings = load_settings()
        require_agreement(settings)
        with open_store(settings.resolved_operations_url) as store:
            try:
                actor = commands.actor(settings.of_channel(channel.name), store, who, dry_run=not send)
                result = asyncio.run(act(actor, **values))
            except RequestError as error:
                fail(str(error), "Nothing was sent.")
        request = msgspec.json.encode(result.request).decode()
        print_text(f"{result.outcome}: {result.action} {result.code} {request}")
        print_text(result.answer)
        if result.outcome not in GOOD_OUTCOMES:
            raise typer.Exit(1)

    return _with_options(command, act, {"who": (Who, inspect.Parameter.empty), "send": (Send, False)})


def _read_command(channel: Channel[Any], read: Callable[..., RequestedRead]) -> Callable[..., None]:
    def command(**values: Any) -> None:
        settings = load_settings()
        try:
            requested = read(settings.of_channel(channel.name), **values)
        except RequestError as error:
            fail(str(error), "Nothing was read.", code=2)
        require_agreement(settings)
        lake = Lake(settings)
        migrate(lake)
        now = datetime.now(UTC)
        window, known = Window(now.date(), now.date() + timedelta(days=1)), WarehouseState(lake, channel.name)
        run_id = f"{read.__name__}-{now:%Y%m%dT%H%M%S}"
        with message_console.status(f"reading orders of {channel.title}"):
            result = asyncio.run(ingest(lake, channel.name, requested.extraction, window, known, run_id))
        print_text(f"{requested.describe()}; {result.total.new_versions:,} new rows")
        if result.incomplete:
            fail("Not every order could be read.", "Run the same command again: what is known adds nothing.")

    return _with_options(command, read, {})


def _with_options(
    command: Callable[..., None], asked: Callable[..., Any], more: dict[str, tuple[Any, Any]]
) -> Callable[..., None]:
    """Give the command the help and the parameters of the channel's function behind its first, and some more."""
    kinds = get_type_hints(asked, include_extras=True)
    _, *own = inspect.signature(asked).parameters.items()
    options = {name: (kinds[name], parameter.default) for name, parameter in own} | more
    keywords = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, (kind, default) in options.items()
    ]
    command.__doc__ = (inspect.getdoc(asked) or "").partition("\n\nRaises:")[0]
    command.__annotations__ = {each.name: each.annotation for each in keywords}
    vars(command)["__signature__"] = inspect.Signature(keywords)
    return command
