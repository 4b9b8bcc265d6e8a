"""Our road beside its peers: the same orders, the same fake, real HTTP; parity is asserted before a time is printed.

Each part writes its section of the page when it is done, and leaves those of the others: parts can be measured in
several calls. Without `--part` all of them are, which takes hours; `--list` says how long each takes.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.side_by_side.machine import load, machine, versions
from benchmarks.side_by_side.page import write_page
from benchmarks.side_by_side.parts import PARTS, Options, Part
from benchmarks.side_by_side.sections import NAME, Section, store_section

RESULTS = Path(__file__).resolve().parents[1] / "results"


def measure_part(part: Part, options: Options, directory: Path) -> bool:
    """Run the part and write its section; whether nothing of it failed."""
    print(f"\n== {part.name}: about {part.minutes:g} minutes", flush=True)
    started, load_at_start = datetime.now(UTC), load()
    found = part.run(options)
    section = Section(
        about=part.about(options),
        started=started.isoformat(timespec="seconds"),
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
        load=[load_at_start, load()],
        machine=machine(),
        versions=versions(),
        findings=found,
    )
    sections = store_section(directory, part.name, section)
    write_page(directory, sections, [each.name for each in PARTS])
    for row in (found.columns, *found.rows):
        print("  " + " | ".join(row))
    return not found.failures


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.side_by_side", description=__doc__)
    parser.add_argument("--part", action="append", choices=[part.name for part in PARTS], help="one or more")
    parser.add_argument("--list", action="store_true", help="the parts and their minutes; nothing is measured")
    parser.add_argument("--runs", type=int, help="timed runs of each tool, after one warm-up")
    parser.add_argument("--kills", type=int, default=10, help="of each tool")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    parser.add_argument("--orders", type=int, help="of each part, for a trial of the benchmark itself")
    parser.add_argument("--lines", type=int, help="pick lines of each part, for the same")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where page, plot and JSON are")
    given = parser.parse_args()
    if given.results == RESULTS and (given.orders or given.lines):
        parser.error("a trial's figures do not belong into the page: give --results DIRECTORY")
    chosen = [part for part in PARTS if not given.part or part.name in given.part]
    if given.list:
        print("\n".join(f"{part.minutes:6.0f} min  {part.name}" for part in chosen))
    print(
        f"{len(chosen)} parts, about {sum(part.minutes for part in chosen):.0f} minutes on a quiet machine", flush=True
    )
    if given.list:
        return 0
    options = Options(given.runs, given.kills, given.seed, given.orders, given.lines)
    failed: list[str] = []
    for part in chosen:
        try:
            whole = measure_part(part, options, given.results)
        except Exception as error:  # noqa: BLE001 - one part must not cost those after it
            print(f"{part.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            whole = False
        if not whole:
            failed.append(part.name)
    print(f"\n{given.results / f'{NAME}.md'}")
    if failed:
        print(f"not whole: {', '.join(failed)}; the reasons are above", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
