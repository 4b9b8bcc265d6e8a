"""`order-pipeline ui`: the Dagster UI and its daemon, with everything that they start."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from order_pipeline.cli.demo_sandbox import running_sandbox
from order_pipeline.cli.demo_world import (
    DemoWorld,
    as_environment,
    remember_world,
    remembered_world,
    require_own_stores,
)
from order_pipeline.cli.output import note
from order_pipeline.cli.process_group import run_process_group, stop_signals_interrupt
from order_pipeline.settings import load_settings

_SUPERSEDED = "ignore:Function `dev_command` is superseded"
"""Dagster advises its own tool `dg`; whoever starts this command has chosen already."""
_LOOPBACK = "localhost,127.0.0.1"


def without_proxy_on_loopback(environment: Mapping[str, str]) -> dict[str, str]:
    """NO_PROXY in both spellings, with loopback in it: by gRPC Dagster's processes talk to each other on it."""
    given = environment.get("no_proxy", environment.get("NO_PROXY", ""))
    return dict.fromkeys(("no_proxy", "NO_PROXY"), f"{given},{_LOOPBACK}" if given else _LOOPBACK)


def _life_of(world: DemoWorld) -> str:
    return ", and orders come in while it runs: start a channel's job." if world.lives else "."


def ui(
    port: Annotated[int, typer.Option(help="Port of the UI; loopback only, it has no login.")] = 3000,
    log_level: Annotated[
        Literal["error", "warning", "info", "debug"], typer.Option(help="What Dagster's services write here.")
    ] = "error",
) -> None:
    """Open the Dagster UI, with its daemon, on this project; the runs and assets of earlier commands are there.

    For a look, on this machine; a server that runs for good is started by `order-pipeline serve`.

    On a data directory that `demo` filled, the fakes run beside it, so that every button works, and their clock goes on
    with the real one, so that runs find new orders. Ctrl-C, SIGTERM or a
    closed terminal ends it with all its processes; runs under way are told to end, too.
    """
    from order_pipeline.orchestration.instance import (  # noqa: PLC0415 - Dagster is not needed to read the options
        PROJECT_ROOT,
        create_storages,
        prepare_dagster_home,
    )

    settings = load_settings()
    world = remembered_world(settings)
    if world:
        require_own_stores(settings)
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
        environment["PYTHONWARNINGS"] = ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), _SUPERSEDED]))
        note(f"Dagster UI: http://127.0.0.1:{port}   (Ctrl-C ends it)")
        command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
        command += ["--log-level", log_level, "--code-server-log-level", log_level]
        raise typer.Exit(run_process_group(command, PROJECT_ROOT, environment))
