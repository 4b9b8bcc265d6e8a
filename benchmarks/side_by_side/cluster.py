"""Staging by threads and by the workers of a cluster, on PostgreSQL and S3: `benchmarks.staging_on_a_cluster`."""

from __future__ import annotations

from statistics import median

from benchmarks.side_by_side.sections import Findings
from benchmarks.staging_on_a_cluster import measured_places

BASE = "2 threads"


def run_cluster(part: str, orders: int, milliseconds: float, runs: int) -> Findings:
    """Seconds of the map and of publishing, by what stages."""
    taken = {}
    for name, seconds in measured_places(orders, milliseconds, runs):
        taken[name] = seconds
        print(f"{part}: {name}: {', '.join(f'{staged:.2f}' for staged, _ in seconds)} s", flush=True)
    medians = {name: median(staged for staged, _ in seconds) for name, seconds in taken.items()}
    rows = [
        [
            name,
            f"{medians[name]:.2f}",
            f"{min(staged for staged, _ in seconds):.2f} to {max(staged for staged, _ in seconds):.2f}",
            f"{medians[name] / medians[BASE]:.2f}",
            f"{median(published for _, published in seconds):.2f}",
            str(len(seconds)),
        ]
        for name, seconds in taken.items()
    ]
    return Findings(
        columns=("staged by", "staging, median s", "range s", f"beside {BASE}", "publishing, median s", "runs"),
        rows=rows,
        runs={name: [round(staged, 3) for staged, _ in seconds] for name, seconds in taken.items()},
    )
