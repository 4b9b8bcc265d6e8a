"""`sandbox serve`, `webhooks serve`, `scanorders login`, `ui`: commands that stay until they are stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import webbrowser
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from order_pipeline.cli.output import fail, note
from order_pipeline.settings import load_settings

sandbox_app = typer.Typer(no_args_is_help=True, help="Local fakes of all four APIs: strict, seeded, loopback only.")
scanorders_app = typer.Typer(no_args_is_help=True, help="The connection to ScanOrders, the picking app.")
webhooks_app = typer.Typer(no_args_is_help=True, help="The receiver of the channels' webhooks.")


@sandbox_app.command("serve")
def serve_sandbox(
    port: Annotated[int, typer.Option(help="Loopback port; 0 takes a free one and prints it.")] = 8700,
    seed: Annotated[int, typer.Option(help="The same seed gives the same orders, byte for byte.")] = 7,
    orders: Annotated[int, typer.Option(min=1, help="Orders a day in each channel.")] = 600,
    days: Annotated[int, typer.Option(min=1, help="Complete days of orders before the sandbox's today.")] = 7,
    faults: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A script of faults (JSON).")] = None,
) -> None:
    """Serve the fakes under /kibo, /scansource, /skroutz and /scanorders until interrupted; /health says when ready.

    Point the pipeline at it with ORDER_PIPELINE_KIBO__BASE_URL and the like; `order-pipeline demo` does so by itself.
    """
    from order_pipeline.sandbox import server  # noqa: PLC0415
    from order_pipeline.sandbox.shared import faults as fault_scripts  # noqa: PLC0415

    try:
        server.serve(port=port, seed=seed, orders=orders, days=days, faults_file=faults)
    except fault_scripts.FaultScriptError as error:
        fail(f"{faults}: {error}", "Mend the script; its form is in order_pipeline/sandbox/faults.py.", code=2)
    except OSError as error:
        fail(f"Port {port} cannot be used: {error}", "Choose another with --port, or 0 for any free one.")


@scanorders_app.command("login")
def log_in_to_scanorders() -> None:
    """Authorise the pipeline to create picks: a person consents in the browser, once; the token is stored (mode 0600).

    Needs ORDER_PIPELINE_SCANORDERS__CLIENT_ID and __CLIENT_SECRET. ScanOrders renews nothing by itself: `doctor` warns
    before the login ends.
    """
    from order_pipeline.destinations import scanorders_login  # noqa: PLC0415
    from order_pipeline.http.errors import ApiError, NotConfigured  # noqa: PLC0415

    def show(url: str) -> None:
        note(f"Open this address in a browser and consent:\n{url}")
        webbrowser.open(url)

    try:
        stored = asyncio.run(scanorders_login.login(load_settings(), show))
    except NotConfigured as error:
        fail(str(error), "Set it in .env, then run the command again.", code=2)
    except (ApiError, scanorders_login.LoginTimeoutError) as error:
        fail(str(error), "Run the command again; nothing was stored.")
    except OSError as error:
        fail(f"The redirect address cannot be listened on: {error}", "Choose another port in SCANORDERS__REDIRECT_URI.")
    ends = f"until {stored.expires_at:%Y-%m-%d}" if stored.expires_at else "without a stated end"
    note(f"Logged in, {ends}.")


@webhooks_app.command("serve")
def serve_webhooks() -> None:
    """Receive the channels' webhooks until interrupted: a body is durable in the inbox before it is answered 200.

    Needs ORDER_PIPELINE_WEBHOOKS__SECRET_PATH_TOKEN, the unguessable part of the URL that you give to the channel.
    Put a TLS proxy before it. It touches only the operations store, never the lake.
    """
    from order_pipeline.webhooks import receiver, server  # noqa: PLC0415

    settings = load_settings()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        server.serve(settings)
    except receiver.ReceiverConfigurationError as error:
        fail(str(error), "Set it in .env or in the environment; .env.example shows how.", code=2)
    except OSError as error:
        fail(
            f"{settings.webhooks.host}:{settings.webhooks.port} cannot be used: {error}",
            "Choose another ORDER_PIPELINE_WEBHOOKS__PORT, or stop what listens there.",
        )


def ui(
    port: Annotated[int, typer.Option(help="Port of the UI; loopback only, it has no login.")] = 3000,
) -> None:
    """Open the Dagster UI, with its daemon, on this project; the runs and assets of earlier commands are there.

    On a data directory that `demo` filled, the fakes run beside it, so that every button works. Ctrl-C, SIGTERM or a
    closed terminal ends it with all its processes; runs under way are told to end, too.
    """
    from order_pipeline.cli.demo import require_own_stores  # noqa: PLC0415
    from order_pipeline.cli.demo_sandbox import running_sandbox  # noqa: PLC0415
    from order_pipeline.cli.demo_world import as_environment, remembered_world  # noqa: PLC0415
    from order_pipeline.cli.process_group import run_family, stop_signals_interrupt  # noqa: PLC0415
    from order_pipeline.orchestration.instance import (  # noqa: PLC0415
        PROJECT_ROOT,
        create_storages,
        prepare_dagster_home,
    )

    settings = load_settings()
    world = remembered_world(settings)
    if world:
        require_own_stores(settings)
    with ExitStack() as stack:
        stack.enter_context(stop_signals_interrupt())
        environment = dict(os.environ)
        if world:
            sandbox = stack.enter_context(running_sandbox(world, settings.data_dir))
            environment = as_environment(sandbox.settings_groups(world), settings.data_dir)
            note("This data directory holds the demo: its fakes run beside the UI.")
        create_storages(settings)
        environment["DAGSTER_HOME"] = str(prepare_dagster_home(settings))
        note(f"Dagster UI: http://127.0.0.1:{port}   (Ctrl-C ends it)")
        command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
        raise typer.Exit(run_family(command, PROJECT_ROOT, environment))
