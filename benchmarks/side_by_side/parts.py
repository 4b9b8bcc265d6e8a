"""The parts of the benchmark: what each measures, with which volume, and how long it takes on a quiet machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.side_by_side.cluster import run_cluster
from benchmarks.side_by_side.emission import run_emission, run_lost_replies
from benchmarks.side_by_side.extraction import run_workload
from benchmarks.side_by_side.kills import run_emission_kills, run_extraction_kills
from benchmarks.side_by_side.sections import Findings
from benchmarks.side_by_side.workloads import WORKLOADS, Workload


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may change; None leaves it to the part."""

    runs: int | None = None
    kills: int = 10
    seed: int = 1
    orders: int | None = None
    lines: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One part.

    Attributes:
        name: as the page and `--part` have it.
        about: what is done, by options.
        minutes: of the part with default options, on two cores that have nothing else to do.
        run: what it found.
    """

    name: str
    about: Callable[[Options], str]
    minutes: float
    run: Callable[[Options], Findings]


RUNS = 5


def _of_workload(workload: Workload) -> Part:
    def asked(options: Options) -> Workload:
        return replace(workload, orders=options.orders) if options.orders else workload

    def run(options: Options) -> Findings:
        return run_workload(asked(options), options.runs or workload.runs)

    return Part(
        workload.name,
        lambda options: f"{workload.about} {asked(options).orders:,} orders in {workload.days} days.",
        workload.minutes,
        run,
    )


def _of_emission(name: str, lines: int, minutes: float) -> Part:
    return Part(
        name,
        lambda options: f"{options.lines or lines:,} pick lines to the ScanOrders fake, four an order.",
        minutes,
        lambda options: run_emission(name, options.lines or lines, options.runs or RUNS),
    )


def _of_cluster(name: str, milliseconds: float, minutes: float, runs: int = 3, orders: int = 10_000) -> Part:
    return Part(
        name,
        lambda options: (
            f"Ten days of {options.orders or orders:,} Kibo orders staged by threads and by the workers of a cluster,"
            f" on PostgreSQL and an S3 server whose every answer is {milliseconds:g} ms late. All of it runs on this"
            " machine, so more workers than it has cores cannot be faster; what is seen is what the way to a worker"
            " costs, and what hides the store's distance."
        ),
        minutes,
        lambda options: run_cluster(name, options.orders or orders, milliseconds, options.runs or runs),
    )


def _about_lost_replies(options: Options) -> str:
    return (
        f"{options.lines or 2000:,} lines; one reply in ten is lost after its effect. Each emitter runs, and once more."
        " A line that ours shows to a person is sent again only when that person says so."
    )


def _about_extraction_kills(options: Options) -> str:
    return (
        f"{options.orders or 2000:,} orders into an empty directory; each tool is killed (SIGKILL) at {options.kills}"
        f" random moments of its work (seed {options.seed}) and run again. Rows are orders and items of shipments,"
        " summed over all kills, as they are after the next run. dlt loads the package that it finds and leaves its"
        " new data for the run after that, as its documentation says: so two runs are looked at."
    )


def _about_emission_kills(options: Options) -> str:
    return (
        f"{options.lines or 2000:,} lines; each emitter is killed (SIGKILL) at {options.kills} random moments of its"
        f" work (seed {options.seed}) and run again once. Sums over all kills. drt has no cursor that survives a kill;"
        " its ledger, which needs PostgreSQL, is its own remedy. What ours shows to a person may be on the floor."
    )


PARTS = (
    *(_of_workload(workload) for workload in WORKLOADS if workload.name != "cold 200k"),
    _of_emission("emission of 2,000 lines", 2_000, 2),
    _of_emission("emission of 20,000 lines", 20_000, 9),
    Part(
        "lost replies",
        _about_lost_replies,
        1,
        lambda options: run_lost_replies("lost replies", options.lines or 2000),
    ),
    Part(
        "kills while orders are read",
        _about_extraction_kills,
        10,
        lambda options: run_extraction_kills(options.orders or 2000, options.kills, options.seed),
    ),
    Part(
        "kills while lines are sent",
        _about_emission_kills,
        4,
        lambda options: run_emission_kills(options.lines or 2000, options.kills, options.seed),
    ),
    _of_cluster("cluster at 0 ms", 0, 5),
    _of_cluster("cluster at 30 ms", 30, 10),
    *(_of_workload(workload) for workload in WORKLOADS if workload.name == "cold 200k"),
)
