"""`order-pipeline sandbox serve`: the fakes, until they are stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from order_pipeline.cli.output import fail
from order_pipeline.sandbox import server
from order_pipeline.sandbox.shared.faults import FaultScriptError


def serve(
    port: Annotated[int, typer.Option(help="Loopback port; 0 takes a free one and prints it.")] = 8700,
    seed: Annotated[int, typer.Option(help="The same seed gives the same orders, byte for byte.")] = 7,
    orders: Annotated[int, typer.Option(min=1, help="Orders a day in each channel.")] = 600,
    days: Annotated[int, typer.Option(min=1, help="Complete days of orders before the sandbox's today.")] = 7,
    faults: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A script of faults (JSON).")] = None,
) -> None:
    """Serve each fake under its name (`/scanorders`, ...) until interrupted; /health says when they are ready.

    POST /control/connections answers with the settings that lead the pipeline there; `order-pipeline demo` uses them.
    """
    try:
        server.serve(port=port, seed=seed, orders=orders, days=days, faults_file=faults)
    except FaultScriptError as error:
        fail(f"{faults}: {error}", "Mend the script; its form is in order_pipeline/sandbox/shared/faults.py.", code=2)
    except OSError as error:
        fail(f"Port {port} cannot be used: {error}", "Choose another with --port, or 0 for any free one.")
