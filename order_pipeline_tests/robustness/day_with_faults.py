"""`python -m order_pipeline_tests.robustness.day_with_faults`: a simulated day with faults and kills, as a table.

It needs Linux and a C compiler. 24 hours took 54 minutes beside a whole test run on two cores
(37 minutes of processor time); alone they were not measured.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from order_pipeline_tests.robustness.day.clock import why_not_here
from order_pipeline_tests.robustness.day.driving import live_through, settle
from order_pipeline_tests.robustness.day.report import HEADING, account_lines, alert_lines, hour_lines
from order_pipeline_tests.robustness.day.script import script_of
from order_pipeline_tests.robustness.day.world import world_in


def main() -> int:
    """Live through the day and print what came of it; 1: something does not add up."""
    parser = argparse.ArgumentParser(
        prog="python -m order_pipeline_tests.robustness.day_with_faults",
        description="Simulated hours with faults in every source, the daemon killed five times, and the account.",
    )
    parser.add_argument("--hours", type=int, default=24, help="with faults; two quiet ones follow (default 24)")
    parser.add_argument("--seed", type=int, default=7, help="of orders, faults and kills (default 7)")
    parser.add_argument("--orders", type=int, default=240, help="a day in each channel (default 240)")
    parser.add_argument("--keep", type=Path, help="a new directory for the stores and logs, kept for a look at them")
    arguments = parser.parse_args()
    if reason := why_not_here():
        sys.exit(f"Not possible here: {reason}.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # the processes of the day end with this one
    started = time.monotonic()
    with ExitStack() as stack:
        directory = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.mkdir(parents=True, exist_ok=True)
        world = stack.enter_context(world_in(directory.resolve(), orders=arguments.orders, seed=arguments.seed))
        print(HEADING)
        for report in live_through(world, script_of(arguments.hours, arguments.seed)):
            print("\n".join(hour_lines(report)), flush=True)
        account = settle(world)
        print("", *account_lines(account), "", "Alerts as they came:", *alert_lines(world.alerts.received), sep="\n")
        print(f"\n{time.monotonic() - started:.0f} s")
        return 1 if account.wrong() else 0


if __name__ == "__main__":
    sys.exit(main())
