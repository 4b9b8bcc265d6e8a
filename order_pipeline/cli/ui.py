"""`order-pipeline ui`: the Dagster UI and its daemon, with everything that they start."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from order_pipeline.cli.dagster_services import Level, dagster_services, without_proxy_on_loopback
from order_pipeline.cli.demo_sandbox import running_sandbox
from order_pipeline.cli.demo_stores import require_stores_for_demo
from order_pipeline.cli.demo_world import (
    DemoWorld,
    as_environment,
    remember_world,
    remembered_world,
)
from order_pipeline.cli.output import fail, note
from order_pipeline.cli.process_group import stop_signals_interrupt
from order_pipeline.cli.supervisor import RestartRule, keep_running
from order_pipeline.settings import load_settings

LOG = logging.getLogger("order_pipeline.ui")


def _life_of(world: DemoWorld) -> str:
    return ", and orders come in while it runs: start a channel's job." if world.lives else "."


def ui(
    port: Annotated[int, typer.Option(help="Port of the UI; loopback only.")] = 3000,
    log_level: Annotated[Level, typer.Option(help="What Dagster's services write here.")] = "error",
) -> None:
    """Open the Dagster UI, with its daemon, on this project; the runs and assets of earlier commands are there.

    For a look, on this machine; a server that runs for good is started by `order-pipeline serve`.

    On a data directory that `demo` filled, the fakes run beside it, so that every button works, and their clock goes on
    with the real one, so that runs find new orders. Ctrl-C, SIGTERM or a
    closed terminal ends it with all its processes; runs under way are told to end, too.
    """
    from order_pipeline.orchestration.instance import (  # noqa: PLC0415 - Dagster is not needed to read the options
        create_storages,
        prepare_dagster_home,
    )

    settings = load_settings()
    world = remembered_world(settings)
    if world:
        require_stores_for_demo(settings, outside_stores=False)
        world = world.brought_to_life(datetime.now(UTC))
        remember_world(settings, world)
    with ExitStack() as stack:
        stack.enter_context(stop_signals_interrupt())
        environment = dict(os.environ)
        if world:
            sandbox = stack.enter_context(running_sandbox(world, settings.data_dir))
            environment = as_environment(sandbox.settings_groups(world), settings.data_dir)
            note("This data directory holds the demo: its fakes run beside the UI" + _life_of(world))
        create_storages(settings)
        environment |= without_proxy_on_loopback(environment)
        environment["DAGSTER_HOME"] = str(prepare_dagster_home(settings))
        note(f"Dagster UI: http://127.0.0.1:{port}   (Ctrl-C ends it)")
        note(f"What waits for a person, and any order's story: http://127.0.0.1:{port}/desk")
        logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
        LOG.setLevel(log_level.upper())
        services = dagster_services("127.0.0.1", port, log_level, code_level=log_level)
        if keep_running(services, Path.cwd(), environment, LOG.info, RestartRule(most_ends=1)):
            fail("A service of the UI ended.", "`order-pipeline ui --log-level info` says more.")
