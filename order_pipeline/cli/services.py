"""`sandbox serve`, `webhooks serve`, `scanorders login`, `ui`: commands that stay until they are stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from order_pipeline.cli.output import fail

sandbox_app = typer.Typer(no_args_is_help=True, help="Local fakes of all four APIs: strict, seeded, loopback only.")


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
    from order_pipeline.sandbox import faults as fault_scripts  # noqa: PLC0415
    from order_pipeline.sandbox import server  # noqa: PLC0415

    try:
        server.serve(port=port, seed=seed, orders=orders, days=days, faults_file=faults)
    except fault_scripts.FaultScriptError as error:
        fail(f"{faults}: {error}", "Mend the script; its form is in order_pipeline/sandbox/faults.py.", code=2)
    except OSError as error:
        fail(f"Port {port} cannot be used: {error}", "Choose another with --port, or 0 for any free one.")
