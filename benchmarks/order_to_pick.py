"""From a webhook's answer to the pick on the floor: how long it takes, and where the time goes.

    python -m benchmarks.order_to_pick [--webhooks 12] [--seconds 120] [--seed 11]

Everything is real: `order-pipeline ui` with its daemon and schedules switched on, the receiver in a process of its own,
the fakes of Skroutz and ScanOrders in another. The webhooks come at random times. The second round is the same while a
backfill of the same channel runs: it holds the channel's pool, re-reads orders and builds days all the time.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
from rich.console import Console
from sqlalchemy import func, select

from benchmarks.order_to_pick_backfill import keep_backfilling
from benchmarks.order_to_pick_report import STAGES, Way, print_round, run_times
from order_pipeline.cli.demo_sandbox import WEBHOOK_TOKEN, RunningSandbox
from order_pipeline.cli.demo_world import DemoWorld, as_environment, free_port
from order_pipeline.operations.inbox import webhook_inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import pick_outbox
from order_pipeline.reference.item_locations import DEMO_FILE
from order_pipeline.sandbox.process import SandboxProcess
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.skroutz.fake import SkroutzChannel
from order_pipeline.sandbox.skroutz.life import Event

CHANNEL = "skroutz"
FAKES = [CHANNEL, "scanorders"]
COMMAND = [sys.executable, "-m", "order_pipeline"]
PATIENCE_SECONDS = 180
SETTLE_SECONDS = 60

console = Console(width=120)


@dataclass(frozen=True, slots=True)
class Installation:
    """What runs: where its stores are, where webhooks go, the UI's API, and the process that all others come from."""

    environment: dict[str, str]
    store: OperationsStore
    sender: httpx.Client
    receiver: str
    dagster: httpx.Client
    process: psutil.Process
    world: DemoWorld

    def processor_seconds(self) -> float:
        """Of the UI with its daemon and all that they ever started and have seen end."""
        seconds = 0.0
        for each in [self.process, *self.process.children(recursive=True)]:
            try:
                times = each.cpu_times()
            except psutil.Error:
                continue
            seconds += times.user + times.system + times.children_user + times.children_system
        return seconds


def drawn_events(world: DemoWorld, wanted: int) -> tuple[list[Event], list[Event]]:
    """The last event of so many orders that are accepted and new, and the events of all other orders."""
    server = SandboxServer(seed=world.seed, orders=world.orders, days=world.days, channels=FAKES, today=world.today)
    book = server.channel(SkroutzChannel).book
    events = book.take_due()
    last = {event.code: event for event in events}
    accepted = [
        event
        for code, event in last.items()
        if (order := book.find(code)) and order["state"] == "accepted" and not order["fulfilled_by_skroutz"]
    ]
    if len(accepted) < wanted:
        raise SystemExit(f"only {len(accepted)} orders of this world are accepted: take more --orders")
    chosen = accepted[-wanted:]
    codes = {event.code for event in chosen}
    return chosen, [event for event in events if event.code not in codes]


@contextmanager
def running(command: Sequence[str], environment: dict[str, str], ready: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command of ours that answers at `ready`; it ends with the block.

    Raises:
        RuntimeError: it ended instead, or was not ready after three minutes.
    """
    process = subprocess.Popen(
        [*COMMAND, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(command)} did not start; run it by hand to see why")
            time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def installation(folder: Path, world: DemoWorld, before: Sequence[Event]) -> Iterator[Installation]:
    """An installation that has read and picked everything of before, and waits for more."""
    with ExitStack() as stack:
        arguments = {"seed": world.seed, "orders": world.orders, "days": world.days, "today": world.today.isoformat()}
        sandbox = RunningSandbox(stack.enter_context(SandboxProcess(**arguments, channels=FAKES)).url)
        environment = _environment(sandbox, world, folder)
        store = OperationsStore(f"sqlite:///{folder / 'operations.sqlite'}")
        stack.callback(store.close)
        webhooks = json.loads(environment["ORDER_PIPELINE_WEBHOOKS"])
        address = f"http://127.0.0.1:{webhooks['port']}"
        stack.enter_context(running(["webhooks", "serve"], environment, f"{address}/ready"))
        receiver = f"{address}/webhooks/{CHANNEL}/{WEBHOOK_TOKEN}"
        sender = stack.enter_context(httpx.Client(timeout=30, trust_env=False))
        for event in before:
            post(sender, receiver, event)
        console.print(f"{len(before)} webhooks of before; they are landed, built and picked first ...")
        subprocess.run([*COMMAND, "run"], env=environment, check=True, stdout=subprocess.DEVNULL)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        process = stack.enter_context(running(["ui", "--port", str(port)], environment, f"{url}/server_info"))
        dagster = stack.enter_context(httpx.Client(base_url=url, timeout=120, trust_env=False, headers={"Origin": url}))
        console.print(f"the daemon has {SETTLE_SECONDS} s to start what it keeps running")
        time.sleep(SETTLE_SECONDS)
        yield Installation(environment, store, sender, receiver, dagster, psutil.Process(process.pid), world)


def _environment(sandbox: RunningSandbox, world: DemoWorld, folder: Path) -> dict[str, str]:
    own = folder / "reference" / "item_locations.csv"
    own.parent.mkdir(parents=True)
    own.write_bytes(DEMO_FILE.read_bytes())
    groups = sandbox.settings_groups(world)
    groups[CHANNEL] |= {"rate": {"requests_per_second": 10, "max_in_flight": 2}}
    groups |= {"kibo": {"enabled": False}, "scansource": {"enabled": False}}
    groups["schedule"] |= {"active": True}
    return as_environment(groups, folder) | {"ORDER_PIPELINE_WITNESS_DIR": "none"}


def post(client: httpx.Client, receiver: str, event: Event) -> datetime:
    """Send the webhook; returns when it was answered.

    Raises:
        HTTPStatusError: it was not answered 200.
    """
    headers = {"content-type": "application/json; charset=utf-8", "user-agent": "Skroutz OrderNotifier v1"}
    client.post(receiver, content=event.body, headers=headers).raise_for_status()
    return datetime.now(UTC)


def send_at_random_times(
    there: Installation, events: Sequence[Event], seconds: float, draw: random.Random, *, backfill: bool
) -> dict[str, datetime]:
    """Send each at a random moment of the span; returns when each was answered, by order."""
    started = time.monotonic()
    answered: dict[str, datetime] = {}
    moments = sorted(draw.uniform(0, seconds) for _ in events)
    for event, moment in zip(events, moments, strict=True):
        while (left := started + moment - time.monotonic()) > 0:
            if backfill:
                keep_backfilling(there.dagster, CHANNEL, there.world)
            time.sleep(min(left, 2.0))
        answered[event.code] = post(there.sender, there.receiver, event)
        console.print(f"  {moment:5.0f} s  {len(answered)} of {len(events)} answered", highlight=False)
    return answered


def wait_for_picks(there: Installation, codes: Sequence[str], *, backfill: bool) -> None:
    """Return once no order waits any more; one that has no line after minutes is left to the report."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if backfill:
            keep_backfilling(there.dagster, CHANNEL, there.world)
        query = select(func.count(func.distinct(pick_outbox.c.order_number))).where(
            pick_outbox.c.order_number.in_(codes), pick_outbox.c.state != "planned"
        )
        with there.store.reading() as connection:
            if connection.execute(query).scalar_one() >= len(codes):
                return
        time.sleep(1.0)


def ways_of(there: Installation, answered: dict[str, datetime]) -> list[Way]:
    """When each order passed each stage, as the stores and Dagster tell."""
    lines, inbox = pick_outbox.c, webhook_inbox.c
    with there.store.reading() as connection:
        landed = {
            row.order_number: row
            for row in connection.execute(
                select(inbox.order_number, inbox.landed_at, inbox.landed_run_id).where(inbox.order_number.in_(answered))
            )
        }
        picked = {
            row.order_number: row
            for row in connection.execute(
                select(
                    lines.order_number,
                    func.min(lines.planned_at).label("planned_at"),
                    func.max(lines.sent_at).label("sent_at"),
                    func.max(lines.reason).label("reason"),
                )
                .where(lines.order_number.in_(answered))
                .group_by(lines.order_number)
            )
        }
    runs = run_times(there.dagster, {row.landed_run_id for row in landed.values() if row.landed_run_id})
    return [Way.of(code, moment, landed.get(code), picked.get(code), runs) for code, moment in answered.items()]


def measure(there: Installation, events: Sequence[Event], arguments: argparse.Namespace, *, backfill: bool) -> None:
    """One round, and its table."""
    name = "with a backfill of the channel" if backfill else "alone"
    console.print(f"\n{name}: {len(events)} webhooks within {arguments.seconds:.0f} s")
    if backfill:
        keep_backfilling(there.dagster, CHANNEL, there.world)
        time.sleep(10)
    started, spent = time.monotonic(), there.processor_seconds()
    load = psutil.getloadavg()[0]
    draw = random.Random(f"{arguments.seed}:{name}")
    answered = send_at_random_times(there, events, arguments.seconds, draw, backfill=backfill)
    wait_for_picks(there, list(answered), backfill=backfill)
    seconds, spent = time.monotonic() - started, there.processor_seconds() - spent
    print_round(console, ways_of(there, answered))
    console.print(
        f"{name}: {seconds:.0f} s, of which the UI, its daemon and all runs used {spent:.0f} s of processor time; "
        f"load average {load:.1f} before and {psutil.getloadavg()[0]:.1f} after, {psutil.cpu_count()} cores"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.order_to_pick",
        description=(__doc__ or "").partition("\n")[0],
        epilog=f"Stages: {', '.join(STAGES)}. Use it on a machine that does nothing else.",
    )
    parser.add_argument("--webhooks", type=int, default=12, help="webhooks a round (default 12)")
    parser.add_argument("--seconds", type=float, default=120.0, help="they come within so many seconds (default 120)")
    parser.add_argument("--seed", type=int, default=11, help="of the orders and the times (default 11)")
    parser.add_argument("--orders", type=int, default=60, help="orders a day that are there before (default 60)")
    parser.add_argument("--days", type=int, default=4, help="days of them; the backfill covers all (default 4)")
    parser.add_argument("--round", choices=("alone", "backfill", "both"), default="both", help="which (default both)")
    arguments = parser.parse_args()
    world = DemoWorld(
        days=arguments.days,
        orders=arguments.orders,
        seed=arguments.seed,
        port=0,
        today=datetime.now(UTC).date(),
    )
    rounds = [False, True] if arguments.round == "both" else [arguments.round == "backfill"]
    chosen, before = drawn_events(world, arguments.webhooks * len(rounds))
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, installation(Path(folder), world, before) as there:
        for number, backfill in enumerate(rounds):
            events = chosen[number * arguments.webhooks : (number + 1) * arguments.webhooks]
            measure(there, events, arguments, backfill=backfill)


if __name__ == "__main__":
    main()
