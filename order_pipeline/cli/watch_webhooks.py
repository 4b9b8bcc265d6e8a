"""`order-pipeline webhooks watch`: the process that lands webhooks at once. Dagster's inbox sensor starts it."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from order_pipeline.channels import registry
from order_pipeline.cli.output import fail
from order_pipeline.settings import load_settings


def watch(channel: Annotated[str, typer.Argument(help="The channel whose webhooks they are.")]) -> None:
    """Bring each webhook of a channel from the inbox to the floor as soon as it comes.

    The channel's inbox sensor starts this, and writes to its standard input that it is still wanted; nobody needs to
    start it by hand. It ends when its input ends, or after 150 s without a byte.
    """
    from order_pipeline.orchestration.inbox_worker import Wanted, work  # noqa: PLC0415 - Dagster takes long to import

    settings = load_settings()
    having = [each.name for each in settings.enabled_channels() if each.webhook is not None]
    if channel not in having:
        known = f"there is {', '.join(having)}" if having else "no channel that is switched on has any"
        fail(f"{channel!r} has no webhooks; {known}.", f"The channels are {', '.join(registry.NAMES)}.", code=2)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    work(settings, channel, Wanted(sys.stdin.fileno()))
