"""`order-pipeline demo`: the whole pipeline against local fakes, over real HTTP and through Dagster.

It ends by comparing the picking app's own ledger with the outbox; anything but equality is an error.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
import typer

from order_pipeline.cli.demo_sandbox import RunningSandbox, SandboxPortTakenError, running_sandbox
from order_pipeline.cli.demo_stores import real_orders_in, require_empty_outside_stores, require_stores_for_demo
from order_pipeline.cli.demo_world import DemoWorld, free_port, overridden, remember_world, remembered_world
from order_pipeline.cli.materialise import materialise
from order_pipeline.cli.output import fail, message_console, note
from order_pipeline.cli.summary import Summary, collect_summary, print_summary
from order_pipeline.destinations.demo_guard import ELSEWHERE
from order_pipeline.operations.store import open_store
from order_pipeline.picking.outbox.states import ON_THE_FLOOR
from order_pipeline.picking.outbox.store import load_lines
from order_pipeline.settings import Settings, load_settings


def demo(
    days: Annotated[int, typer.Option(min=1, help="Days of orders.")] = 7,
    orders: Annotated[
        int, typer.Option(min=1, max=100_000, help="Orders a day of the busiest channel; the others have a fifth.")
    ] = 600,
    seed: Annotated[int, typer.Option(help="Another seed, other orders.")] = 7,
    today: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The first day without orders (default: today, UTC).", hidden=True),
    ] = None,
    outside_stores: Annotated[  # noqa: FBT002
        bool, typer.Option("--outside-stores", help="On the empty stores that settings name, the demo's from then on.")
    ] = False,
) -> None:
    """Start local fakes of all APIs and run everything: fetch, normalise, check, pick, send. Nothing leaves this host.

    The orders are of the days up to yesterday. A second run finds nothing new and sends nothing again, unless the fakes
    went on beside `ui` meanwhile. The data directory (ORDER_PIPELINE_DATA_DIR, default data/)
    then serves `sql`, `trace`, `outbox` and `ui`; use another one, or `make clean`, before working with real channels.
    """
    given = load_settings()
    world = claim_directory(
        given, days, orders, seed, (today or datetime.now(UTC)).date(), outside_stores=outside_stores
    )
    note(f"{days} days x {orders} orders of the busiest channel; seed {seed}; in {given.data_dir.resolve()}")
    try:
        with running_sandbox(world, given.data_dir) as sandbox:
            run_demo(given, world, sandbox)
    except SandboxPortTakenError as error:
        fail(str(error), "End what listens there: this demo's payloads name that port.")


def run_demo(given: Settings, world: DemoWorld, sandbox: RunningSandbox) -> None:
    """What happens while the fakes run: webhooks in, all jobs, the summary, the proof."""
    from order_pipeline.orchestration.resource import PipelineResource  # noqa: PLC0415 - see `materialise`

    started = time.monotonic()
    settings = overridden(given, sandbox.settings_groups(world))
    PipelineResource(settings).prepare_stores()
    before = collect_summary(settings)
    note(f"the fakes sent {sandbox.deliver_webhooks(settings):,} webhooks")
    sources = [channel.name for channel in settings.enabled_channels()]
    outcomes = materialise(settings, sources, world.window, emit=True, command="order-pipeline demo")
    after = collect_summary(settings)
    print_summary(after)
    report_changes(before, after, time.monotonic() - started)
    if not all(outcome.success for outcome in outcomes):
        fail("not every job ended well (above).", "Run `order-pipeline ui` and open the failed run.")
    compare(sandbox.accepted_payloads(), payloads_on_the_floor(settings))


def claim_directory(
    settings: Settings, days: int, orders: int, seed: int, today: date, *, outside_stores: bool = False
) -> DemoWorld:
    """The world of this data directory, written down when it is new: its orders are of the days before `today`.

    Ends the command if the directory holds real orders, or a demo of another world.
    """
    require_stores_for_demo(settings, outside_stores=outside_stores)
    present = remembered_world(settings)
    if present is not None:
        if present.is_the_same_as(days, orders, seed):
            return present
        fail(
            f"{settings.data_dir} holds a demo of {present.days} days x {present.orders} orders, seed {present.seed}.",
            f"Run that one again to see that nothing is doubled; for another one {ELSEWHERE}.",
            code=2,
        )
    found = real_orders_in(settings)
    if found is not None:
        fail(
            f"{settings.data_dir} holds {found} that no demo made: fake orders do not belong there.",
            f"For the demo {ELSEWHERE}.",
            code=2,
        )
    if outside_stores:
        require_empty_outside_stores(settings)
    world = DemoWorld(days=days, orders=orders, seed=seed, port=free_port(), today=today, outside_stores=outside_stores)
    remember_world(settings, world)
    return world


def payloads_on_the_floor(settings: Settings) -> list[dict[str, Any]]:
    """What the outbox says is on the floor, as the parameters that were sent."""
    with open_store(settings.resolved_operations_url) as store, store.reading() as connection:
        return [msgspec.json.decode(line.payload) for line in load_lines(connection, states=ON_THE_FLOOR)]


def report_changes(before: Summary, after: Summary, seconds: float) -> None:
    """Say what this run added: nothing, when it is the second on the same world."""
    note(
        f"this run: {after.raw_versions - before.raw_versions:,} new raw rows, "
        f"{after.picks_in('sent') - before.picks_in('sent'):,} new picks sent, {seconds:.0f} s"
    )


def compare(accepted: Iterable[Mapping[str, Any]], recorded: Iterable[Mapping[str, Any]]) -> None:
    """End the command with an error unless the picking app accepted exactly what the outbox says, each line once."""
    there, here = _counted(accepted), _counted(recorded)
    if there != here:
        fail(
            f"The picking app accepted {there.total()} lines, the outbox says {here.total()}: "
            f"{(there - here).total()} more there, {(here - there).total()} more here.",
            "Compare `order-pipeline outbox list` with data/sandbox/scanorders-live.jsonl; please report this.",
        )
    message_console.print(
        f"[bold green]proved[/] the picking app's own ledger equals the outbox: {there.total():,} picks, each once"
    )


def _counted(payloads: Iterable[Mapping[str, Any]]) -> Counter[tuple[tuple[str, str], ...]]:
    return Counter(tuple(sorted((name, str(value)) for name, value in payload.items())) for payload in payloads)
