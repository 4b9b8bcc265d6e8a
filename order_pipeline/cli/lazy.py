"""Commands whose modules are imported when they are called: Dagster and DuckDB take seconds, `--help` must not."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from order_pipeline.channels import registry


class LazyCommand(TyperCommand):
    """Stands for `module:name`, a function or a Typer app; a group's help needs only the summary.

    Args:
        name: as it is typed.
        target: where the command is, below `order_pipeline.cli`.
        summary: its line in the help of its group.
    """

    def __init__(self, name: str, target: str, summary: str) -> None:
        super().__init__(name, short_help=summary)
        self._target = target

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the command and let it read its arguments; what follows happens in the command's own context."""
        module, _, name = self._target.partition(":")
        found = getattr(importlib.import_module(f"order_pipeline.cli.{module}"), name)
        app = found if isinstance(found, typer.Typer) else _app_of(found)
        return get_command(app).make_context(info_name, args, parent, **extra)


def _app_of(function: Any) -> typer.Typer:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(function)
    return app


class WithChannels(TyperGroup):
    """A group that also has the commands of each channel that offers some; its help needs to import the channels."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, for the help."""
        offering = [name for name, channel in registry.channels().items() if channel.commands is not None]
        return [*super().list_commands(ctx), *offering]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name."""
        known = super().get_command(ctx, cmd_name)
        if known is not None or cmd_name not in registry.NAMES:
            return known
        from order_pipeline.cli.channel_commands import command_of  # noqa: PLC0415 - as the others, when it is called

        return command_of(cmd_name)


def group(
    name: str,
    summary: str,
    commands: Mapping[str, tuple[str, str] | TyperGroup],
    cls: type[TyperGroup] = TyperGroup,
) -> TyperGroup:
    """A group of commands: by name, a (target, summary) of a `LazyCommand`, or a group."""
    made = {
        each: command if isinstance(command, TyperGroup) else LazyCommand(each, *command)
        for each, command in commands.items()
    }
    return cls(name=name, help=summary, commands={**made}, no_args_is_help=True, rich_markup_mode=None)
