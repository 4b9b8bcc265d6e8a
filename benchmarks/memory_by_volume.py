"""Peak memory of our road, raw and core, beside the time of a bare download, for more and more Kibo orders a day.

Days larger than a portion are staged in shares whose rows wait in files, so memory follows the size of a portion and
not that of a day. Each volume has a fake and a new lake of its own, and five days, or as many as the fake needs for it.
"""

from __future__ import annotations

import argparse
import tempfile

import httpx

from benchmarks.kibo_steps import DAYS
from benchmarks.measuring import Measured, measure, table

VOLUMES = (50_000, 200_000, 400_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "orders",
        nargs="*",
        type=int,
        default=VOLUMES,
        help=f"orders in all, over {DAYS} days or more, one or more figures",
    )
    parser.add_argument("--size", choices=["lean", "full"], default="lean", help="4.7 or 8.8 KB an order")
    arguments = parser.parse_args()
    for orders in arguments.orders:
        download, road = measure_volume(orders, arguments.size)
        a_day = orders // days_for(orders)
        print(f"\n{orders:,} orders, {a_day:,} a day", table([download, road], download), sep="\n", flush=True)


def days_for(orders: int) -> int:
    """Over how many days the orders are spread."""
    from order_pipeline.sandbox.kibo.orders import ORDERS_A_DAY

    return max(DAYS, -(-orders // ORDERS_A_DAY))


def measure_volume(orders: int, size: str) -> tuple[Measured, Measured]:
    """The bare download and our road, once each.

    Raises:
        RuntimeError: the road did not bring each order once.
    """
    from order_pipeline.sandbox.process import SandboxProcess

    days, switches = days_for(orders), {"kibo": {"size": size}}
    with (
        SandboxProcess(orders=orders // days, days=days, channels=["kibo"], switches=switches) as sandbox,
        tempfile.TemporaryDirectory() as lake,
    ):
        httpx.post(f"{sandbox.url}/control/kibo/warm", timeout=300).raise_for_status()
        download, road = (
            measure(name, ["-m", "benchmarks.kibo_steps", "--step", step, sandbox.url, lake, "--days", str(days)])
            for name, step in [("download only", "download"), ("our road: raw + core", "road")]
        )
    if road.facts["orders"] != orders // days * days:
        raise RuntimeError(f"{orders // days * days:,} orders were to be read, {road.facts['orders']:,} are in core")
    return download, road


if __name__ == "__main__":
    main()
