"""Print the crash matrix: boundary x outcome -> states of the lines after the resumption, with lost and duplicated.

python -m benchmarks.crash_matrix                      every cell, then every breakage in the cell that catches it
python -m benchmarks.crash_matrix --mutants            only the breakages
python -m benchmarks.crash_matrix --mutant NAME        every cell with one breakage built in: it must find something

Exit code 0: every promise held in every cell, and every breakage was caught.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

from rich.console import Console
from rich.progress import track
from rich.table import Table

from order_pipeline.picking.sending.emission import BOUNDARIES
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline_tests.picking.crash.catches import CAUGHT_BY, examine_place
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
FIRST_MUTANT = 5000
"""Cell numbers of the breakages: above those of the matrix, as a number decides on barcodes."""


def shorten(accounts: Accounts) -> str:
    text = " ".join(f"{count}{LETTERS[state]}" for state, count in sorted(accounts.states.items()))
    return f"[red]{text} ![/red]" if accounts.wrong else text


def show_matrix(console: Console, sandbox: SandboxServer, mutant: str | None) -> bool:
    """Examine and print every cell; whether every promise held."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    results: list[Accounts] = []
    started = time.perf_counter()
    for number, cell in enumerate(track(all_cells(mutant), "cells", console=Console(stderr=True))):
        accounts = examine(cell, sandbox, number)
        results.append(accounts)
        found[cell.boundary, cell.outcome].append(shorten(accounts))
        for finding in accounts.wrong:
            console.print(f"[red]{cell}: {finding}[/red]")
    for name, examine_special in SPECIAL_CELLS.items():
        accounts = examine_special(sandbox, len(results), mutant)
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
    return not any(one.wrong for one in results)


def worst_finding(accounts: Accounts) -> str:
    if not accounts.wrong:
        return "[red]nothing: NOT CAUGHT[/red]"
    return next((finding for finding in accounts.wrong if "twice" in finding), accounts.wrong[0])


def show_mutants(console: Console, sandbox: SandboxServer) -> bool:
    """Examine and print every breakage in the cell that catches it; whether all were caught."""
    table = Table("breakage", "what it does", "caught in", "by", title="The emitter, broken on purpose")
    caught = 0
    for number, (name, breakage) in enumerate(BREAKAGES.items(), FIRST_MUTANT):
        accounts = examine_place(CAUGHT_BY[name], sandbox, number, name)
        caught += bool(accounts.wrong)
        table.add_row(name, breakage.__doc__, str(CAUGHT_BY[name]), worst_finding(accounts))
    console.print(table)
    console.print(f"breakages {len(BREAKAGES)}, caught {caught}")
    return caught == len(BREAKAGES)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutant", choices=sorted(BREAKAGES))
    parser.add_argument("--mutants", action="store_true")
    chosen = parser.parse_args()
    console = Console(width=220)
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as sandbox:
        is_whole = chosen.mutants or show_matrix(console, sandbox, chosen.mutant)
        all_caught = chosen.mutant is not None or show_mutants(console, sandbox)
    return 0 if is_whole and all_caught else 1


if __name__ == "__main__":
    raise SystemExit(main())
