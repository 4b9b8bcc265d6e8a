"""Print the crash matrix: boundary x outcome -> states of the lines after the resumption, with lost and duplicated.

python -m benchmarks.crash_matrix                      every cell
python -m benchmarks.crash_matrix --mutant NAME        the same with a breakage built in: it must find something
"""

from __future__ import annotations

import argparse
import logging
import time
from collections import defaultdict

from rich.console import Console
from rich.progress import track
from rich.table import Table

from order_pipeline.picking.emission import BOUNDARIES
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline_tests.picking.crash.cells import NO_CRASH, OUTCOMES, Accounts, all_cells, examine
from order_pipeline_tests.picking.crash.mutants import BREAKAGES
from order_pipeline_tests.picking.crash.rivals import SPECIAL_CELLS

LETTERS = {  # one a state; capitals are states that must not be left
    "sent": "s",
    "in_doubt": "d",
    "rejected": "r",
    "held": "h",
    "changed_after_send": "c",
    "planned": "P",
    "sending": "G",
    "missing": "M",
}


def shorten(accounts: Accounts) -> str:
    text = " ".join(f"{count}{LETTERS[state]}" for state, count in sorted(accounts.states.items()))
    return f"[red]{text} ![/red]" if accounts.wrong else text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutant", choices=sorted(BREAKAGES))
    chosen = parser.parse_args()
    console = Console(width=220)
    cells = all_cells(chosen.mutant)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    results: list[Accounts] = []
    started = time.perf_counter()
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as sandbox:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # dropped connections: its errors, our faults
        for number, cell in enumerate(track(cells, "cells", console=Console(stderr=True))):
            accounts = examine(cell, sandbox, number)
            results.append(accounts)
            found[cell.boundary, cell.outcome].append(shorten(accounts))
            for finding in accounts.wrong:
                console.print(f"[red]{cell}: {finding}[/red]")
        for name, examine_special in SPECIAL_CELLS.items():
            accounts = examine_special(sandbox, len(results), chosen.mutant)
            results.append(accounts)
            console.print(f"{name}: {shorten(accounts)} {'; '.join(accounts.wrong)}")
    table = Table(
        "killed at", *OUTCOMES, title="States of 6 lines (3 orders of 2, 2 in flight) after kill and resumption"
    )
    for boundary in (NO_CRASH, *BOUNDARIES):
        table.add_row(boundary, *("\n".join(found[boundary, outcome]) for outcome in OUTCOMES))
    console.print(table)
    console.print("s sent, d in doubt (shown to a person), r rejected, h held; one line a visit of the boundary")
    console.print(
        f"cells {len(results)}, processes killed {sum(one.killed for one in results)}, "
        f"lost {sum(len(one.lost) for one in results)}, duplicated {sum(len(one.duplicated) for one in results)}, "
        f"cells with a broken promise {sum(bool(one.wrong) for one in results)}, "
        f"{time.perf_counter() - started:.0f} s"
    )
    return 1 if any(one.wrong for one in results) else 0


if __name__ == "__main__":
    raise SystemExit(main())
