"""Every measurement of a single part with its defaults, or the named ones, in turn; one that fails stops no other.

`benchmarks.side_by_side` is apart: it writes a page, and takes hours.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

MEASUREMENTS = (
    "raw_writer",
    "publish_at_distance",
    "memory_by_volume",
    "scansource_refresh",
    "calls_over_a_year",
    "dagster_history",
    "webhooks",
    "order_to_pick",
    "planning_by_outbox",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help=f"which: {', '.join(MEASUREMENTS)} (`python -m benchmarks.<name> --help` tells more)"
    )
    names: list[str] = parser.parse_args().names
    if unknown := sorted({*names} - {*MEASUREMENTS}):
        parser.error(f"no measurement {', '.join(unknown)}")
    failed: list[str] = []
    for name in names or MEASUREMENTS:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}; their output is above", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
