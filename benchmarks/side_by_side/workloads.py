"""What is asked of each tool, and what is done to the fake before its time is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from benchmarks.kibo_steps import DAYS
from benchmarks.side_by_side.truth import CHANGED_CITY


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload.

    Attributes:
        name: as the table and `--part` have it.
        about: what happens, in a sentence.
        orders: orders of the fake, over `days`.
        days: the days that are read, up to the day before the fake's.
        minutes: of all runs of all tools on two cores that have nothing else to do.
        runs: timed ones, after the warm-up.
        with_dagster: our road is also taken as a Dagster run, so that Dagster's own share is seen.
        with_dlt_as_documented: it takes 12 ms an order, which is too long for the largest workload.
        is_second: the tool has loaded everything before; only its second run is timed.
        changed_share: the share of orders that change before that second run.
        faults: what goes wrong while the tool runs, as the fake's control takes it.
    """

    name: str
    about: str
    orders: int
    days: int = DAYS
    minutes: float = 1.0
    runs: int = 5
    with_dagster: bool = False
    with_dlt_as_documented: bool = True
    is_second: bool = False
    changed_share: float = 0.0
    faults: Sequence[dict[str, object]] = field(default=(), hash=False)


_CALLS = "GET /api/v2/order/*"
WORKLOADS = (
    Workload("cold 20k", "All orders into an empty directory.", 20_000, minutes=11, with_dagster=True),
    Workload("nothing changed", "The same orders once more.", 20_000, minutes=18, with_dagster=True, is_second=True),
    Workload(
        "1 % changed",
        "One order in a hundred has another city since the first run.",
        20_000,
        minutes=15,
        is_second=True,
        changed_share=0.01,
    ),
    Workload(
        "50 ms latency",
        "Each answer comes 50 ms later.",
        20_000,
        minutes=11,
        faults=[{"api": "kibo", "route": _CALLS, "kind": "stall", "seconds": 0.05}],
    ),
    Workload(
        "5 % refused",
        "One call in twenty is answered with 429 or 503.",
        20_000,
        minutes=11,
        faults=[
            {"api": "kibo", "route": _CALLS, "kind": "status", "status": 429, "retry_after": "0", "rate": 0.025},
            {"api": "kibo", "route": _CALLS, "kind": "status", "status": 503, "rate": 0.025},
        ],
    ),
    Workload(
        "a year",
        "A year's backfill into an empty directory, 40 orders a day. Our road asks for each day; the peers, which have"
        " no partitions, for each month.",
        365 * 40,
        days=365,
        minutes=12,
        runs=3,
        with_dagster=True,
    ),
    Workload(
        "cold 200k",
        "Ten times the orders into an empty directory.",
        200_000,
        runs=2,
        minutes=14,
        with_dlt_as_documented=False,
    ),
)


def change_orders(url: str, order_ids: Sequence[int]) -> Callable[[], None]:
    """Give the orders another city; what is returned takes it back."""
    with httpx.Client(base_url=f"{url}/control/kibo", timeout=60) as client:
        for order_id in order_ids:
            patch = {"shippingAddressInformation": {"city": CHANGED_CITY}}
            client.patch(f"/orders/{order_id}", json=patch).raise_for_status()

    def undo() -> None:
        with httpx.Client(base_url=f"{url}/control/kibo", timeout=60) as again:
            for order_id in order_ids:
                again.delete(f"/orders/{order_id}").raise_for_status()

    return undo


def set_faults(url: str, faults: Sequence[dict[str, object]]) -> None:
    """Put these faults in force, and no others."""
    httpx.delete(f"{url}/control/faults").raise_for_status()
    if faults:
        httpx.post(f"{url}/control/faults", json=list(faults)).raise_for_status()
