"""`python -m order_pipeline_tests.fingerprint WORLD ...`: make a world, print its fingerprint, record or compare it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from order_pipeline_tests.fingerprint.explaining import explain
from order_pipeline_tests.fingerprint.fingerprints import differences, fingerprint_of, record, recorded, recorded_path
from order_pipeline_tests.fingerprint.worlds import WORLDS, make_world

EXAMPLE = """
to see what a change did to a table:
  git checkout main;   python -m order_pipeline_tests.fingerprint demo --in /tmp/before
  git checkout change; python -m order_pipeline_tests.fingerprint demo --in /tmp/after \\
                         --explain core.orders --against /tmp/before
"""


def main() -> int:
    """Run the command line; the exit code is 1 when a compared fingerprint differs."""
    arguments = _parser().parse_args()
    if (arguments.explain is None) != (arguments.against is None):
        print("--explain TABLE and --against DIRECTORY go together.", file=sys.stderr)
        return 2
    names = list(WORLDS) if arguments.world == "all" else [arguments.world]
    equal = [_handle(name, arguments) for name in names]
    return 0 if all(equal) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m order_pipeline_tests.fingerprint",
        description="Make a world, and print one hash for every table.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("world", choices=[*WORLDS, "all"])
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--record", action="store_true", help="write the fingerprint to recorded/WORLD.json")
    action.add_argument("--compare", action="store_true", help="name the tables that differ from recorded/WORLD.json")
    parser.add_argument(
        "--in",
        dest="directory",
        type=Path,
        metavar="DIRECTORY",
        help="make the world there and keep it; a finished one is only read. Default: a directory that is removed",
    )
    parser.add_argument("--explain", metavar="TABLE", help="show up to ten rows that differ from those of --against")
    parser.add_argument("--against", type=Path, metavar="DIRECTORY", help="the same world, kept by --in")
    parser.add_argument("--threads", type=int, help="DuckDB's threads in the pipeline; no hash may depend on them")
    return parser


def _handle(name: str, arguments: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory(prefix=f"fingerprint-{name}-") as temporary:
        data_dir = (arguments.directory or Path(temporary)).resolve()
        if arguments.directory and arguments.world == "all":
            data_dir /= name
        started = time.monotonic()
        make_world(name, data_dir, arguments.threads)
        made = time.monotonic()
        found = fingerprint_of(data_dir)
        for table, one in found.items():
            print(f"{table:44} {one.rows:>9} {one.sha256}")
        print(f"{name}: made in {made - started:.0f} s, hashed in {time.monotonic() - made:.0f} s", file=sys.stderr)
        if arguments.explain:
            print(*explain(arguments.explain, arguments.against, data_dir), sep="\n")
        if arguments.record:
            record(name, found)
            print(f"recorded in {recorded_path(name)}", file=sys.stderr)
        if not arguments.compare:
            return True
        lines = differences(recorded(name), found)
        print(*(lines or [f"{name}: as recorded, {len(found)} tables"]), sep="\n", file=sys.stderr)
        return not lines


if __name__ == "__main__":
    sys.exit(main())
