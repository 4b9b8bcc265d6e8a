"""One emission, from the list of picks to a report: lease, recovery, plan, sending.

The list of picks is read under the lease. So an emitter that had to wait, or that another one overtook, plans from what
the lake says by then. With `scanorders.send` off (the default) nothing is sent. Everything else happens: the plan is
stored, and held lines and tasks are shown.

One plan and one lease are for all floors. Each floor sends by itself, with its own account, token and pace, so that one
that cannot send stops no other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeAlias

from order_pipeline.destinations.demo_guard import refuse_demo_orders
from order_pipeline.destinations.scanorders_poster import PickPoster
from order_pipeline.destinations.scanorders_token import TokenKeeper, login_command
from order_pipeline.http.retry import RetryPolicy
from order_pipeline.operations.installation import note_lake_snapshot, read_identity
from order_pipeline.operations.installation_note import InstallationNotes, MarkKeeper, Note, this_installation_machine
from order_pipeline.operations.leases import Lease, acquire, describe_holder, release, renew
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.outbox import counts, tasks
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox.basis import store_basis
from order_pipeline.picking.outbox.gap import load_gap
from order_pipeline.picking.outbox.open_lines import load_for_planning
from order_pipeline.picking.outbox.states import Actor, PickState
from order_pipeline.picking.outbox.store import Context, OutboxLine, transition
from order_pipeline.picking.planning.pick_list import PickList, ReadPicks
from order_pipeline.picking.planning.plan import make_plan
from order_pipeline.picking.planning.upstream import read_since
from order_pipeline.picking.sending.answer_store import AnswerStore, Boundary
from order_pipeline.picking.sending.emitter import Emitter, PickSender, SendingRules, Tally
from order_pipeline.picking.sending.queue import SendingQueue
from order_pipeline.settings import Settings

LEASE_NAME = "emission"

BOUNDARIES = (
    *("lease_taken", "before_recovery", "after_recovery", "before_plan", "after_plan"),
    *("before_intent", "after_intent", "before_post", "after_post", "before_answer", "after_answer", "before_release"),
)
"""Every name that a boundary hook is called with, in the order of a run."""

SenderFactory: TypeAlias = Callable[[Settings, str], AbstractAsyncContextManager[PickSender]]
"""Opens the way to a floor's account."""


@dataclass(slots=True, kw_only=True)
class EmissionReport(Tally):
    """What one emission did, with its tally, and the outbox counts afterwards (last block). No personal data."""

    run_id: str
    dry_run: bool
    floors_in_dry_run: list[str] = field(default_factory=list[str])
    snapshot_id: int | None = None
    recovered_in_doubt: int = 0
    new_lines: int = 0
    new_tasks: int = 0
    seconds: float = 0.0

    by_state: dict[str, int] = field(default_factory=dict[str, int])
    held_by_reason: dict[str, int] = field(default_factory=dict[str, int])
    open_tasks: int = 0


def no_boundary(_name: str) -> None:
    """Outside of tests nothing happens at a boundary."""


def open_poster(settings: Settings, floor: str) -> AbstractAsyncContextManager[PickSender]:
    """The real sender; replaced only by tests."""
    return PickPoster(settings.floor_settings[floor], TokenKeeper(settings, floor))


def emit(
    settings: Settings,
    store: OperationsStore,
    read_picks: ReadPicks,
    *,
    run_id: str,
    covered_sources: Iterable[str] | None = None,
    progress: Callable[[int], None] | None = None,
    open_sender: SenderFactory = open_poster,
    boundary: Boundary = no_boundary,
) -> EmissionReport:
    """Plan from the whole list of picks, then send what may go.

    Args:
        settings: each floor's `send` decides between dry run and sending, its `allowed_order_numbers` who.
        store: the operations store; its tables are created when missing.
        read_picks: gives the list of picks of the covered sources; called once, under the lease.
        run_id: kept with every transition.
        covered_sources: the sources that the list speaks for; None: all.
        progress: called with the number of lines answered since the last call.
        open_sender: how to reach a floor's account.
        boundary: test hook, see `BOUNDARIES`.

    Raises:
        DemoDirectoryError: a demo's picks would go to a real floor; nothing was done.
        LeaseHeldError: another emitter is at work; nothing was done.
        LeaseLostError: reading the list took longer than the lease, and another emitter took over; nothing was planned.
        ValueError: what was read is not the list of picks; nothing was planned.
    """
    sends = {floor: there.send for floor, there in settings.floor_settings.items()}
    if any(sends.values()):
        refuse_demo_orders(settings)
    covered = None if covered_sources is None else frozenset(covered_sources)
    started = time.perf_counter()
    store.create_all()
    lease = acquire(store, LEASE_NAME, describe_holder(run_id), settings.picking.lease_seconds)
    run = _Run(settings, store, lease, run_id, boundary)
    report = EmissionReport(
        run_id=run_id,
        dry_run=not any(sends.values()),
        floors_in_dry_run=[floor for floor, is_sending in sends.items() if not is_sending],
    )
    try:
        boundary("lease_taken")
        boundary("before_recovery")
        report.recovered_in_doubt = recover(store, lease, run_id)
        boundary("after_recovery")
        picks = read_picks()
        report.snapshot_id = picks.snapshot_id
        boundary("before_plan")
        queue = _plan(run, report, picks, covered)
        boundary("after_plan")
        if queue:
            asyncio.run(_send(run, report, queue, open_sender, progress))
        boundary("before_release")
    finally:
        release(store, lease)
    report.seconds = time.perf_counter() - started
    describe_outbox(store, report)
    return report


@dataclass(frozen=True, slots=True)
class _Run:
    """What every part of one emission needs."""

    settings: Settings
    store: OperationsStore
    lease: Lease
    run_id: str
    boundary: Boundary


def _plan(run: _Run, report: EmissionReport, picks: PickList, covered: frozenset[str] | None) -> list[OutboxLine]:
    """Plan and store the plan in one transaction; returns what is to be sent, in sending order."""
    floors = run.settings.floor_settings
    with run.store.writing() as connection:
        renew(run.store, connection, run.lease)
        context = Context(
            actor=Actor.PLANNER,
            run_id=run.run_id,
            at=run.store.now(connection),
            snapshot_id=picks.snapshot_id,
            fence=run.lease.fence,
        )
        listed = picks.pick_ids
        plan = make_plan(
            picks,
            load_for_planning(connection, listed, picks.quarantined_orders, read_since(context.at)),
            floors,
            wave=outbox.next_wave(connection),
            covered=covered,
            rules=run.settings.picking,
            gap=load_gap(connection, listed),
        )
        outbox.add_lines(connection, plan.new_lines, context)
        outbox.apply(connection, plan.transitions, context)
        outbox.observe(connection, plan.observations, context)
        if picks.snapshot_id is not None:
            note_lake_snapshot(connection, picks.snapshot_id)
        report.new_lines = len(plan.new_lines)
        to_undo = tasks.close_where_over(connection, plan.closings, context.at)
        tasks.close_what_was_not_found(connection, plan.tasks, covered, context.at)
        report.new_tasks = tasks.open_tasks(connection, [*plan.tasks, *to_undo], run.run_id, context.at)
        queue = [
            line
            for line in outbox.load_lines(connection, states=[PickState.PLANNED])
            if (covered is None or line.source in covered) and line.floor in floors and floors[line.floor].send
        ]
        known = [picks.basis[line.pick_id] for line in queue if line.pick_id in picks.basis]
        store_basis(connection, known, context.at)
    return queue


async def _send(
    run: _Run,
    report: EmissionReport,
    lines: Sequence[OutboxLine],
    open_sender: SenderFactory,
    progress: Callable[[int], None] | None,
) -> None:
    """Send the lines, every floor at once. What no emitter foresaw ends all of them, each with its answers stored."""
    queue, keeper = SendingQueue(lines), _mark_keeper(run)
    answers = AnswerStore(run.store, run.lease, run.run_id, report.snapshot_id, run.boundary, marks=keeper)
    tallies = {floor: Tally() for floor in queue.floors}

    async def send(floor: str, tally: Tally) -> None:
        rules = _rules(run.settings, floor)
        async with open_sender(run.settings, floor) as sender:
            await Emitter(
                answers,
                sender,
                run.lease,
                queue,
                rules,
                floor=floor,
                boundary=run.boundary,
                progress=progress,
                tally=tally,
            ).run()

    try:
        async with asyncio.TaskGroup() as floors:
            for floor, tally in tallies.items():
                floors.create_task(send(floor, tally))
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    for floor, tally in tallies.items():
        report.add(tally, floor if len(run.settings.floor_settings) > 1 else "")


def _rules(settings: Settings, floor: str) -> SendingRules:
    rate = settings.floor_settings[floor].rate
    return SendingRules(
        max_in_flight=rate.max_in_flight,
        policy=RetryPolicy.from_rate(rate),
        stop_after_doubts=settings.picking.stop_after_doubts,
        login_command=login_command(floor),
    )


def _mark_keeper(run: _Run) -> MarkKeeper:
    """Notes beside the stores how far the outbox has come, before the first line leaves and while lines are sent.

    A store without a name is not noted: nothing checks it (tests, and an outbox without a lake).
    """
    with run.store.reading() as connection:
        identity = read_identity(connection)
    if identity is None:
        return MarkKeeper(lambda _mark: None)
    notes = InstallationNotes(run.settings.data_dir.resolve(), run.settings.resolved_witness_dir)
    note = Note(installation_id=identity.installation_id, epoch=identity.epoch, machine=this_installation_machine())
    return MarkKeeper(lambda mark: notes.raise_marks(note, operations_mark=mark))


def recover(store: OperationsStore, lease: Lease, run_id: str) -> int:
    """Call every line in doubt that an earlier emitter left in `sending`; returns how many.

    The caller holds the lease, so no other emitter is at work. A `sending` line is one whose emitter ended, or lost the
    lease, between the intent and the answer. Nobody knows whether its POST was begun (see `emitter`).
    """
    with store.writing() as connection:
        renew(store, connection, lease)
        left = outbox.load_lines(connection, states=[PickState.SENDING])
        context = Context(actor=Actor.RECOVERY, run_id=run_id, at=store.now(connection), fence=lease.fence)
        doubts = [
            transition(
                line,
                PickState.IN_DOUBT,
                "interrupted",
                f"run {line.run_id} ended between the intent and the answer",
            )
            for line in left
        ]
        outbox.apply(connection, doubts, context)
    return len(left)


def describe_outbox(store: OperationsStore, report: EmissionReport) -> None:
    """Fill the report's second block from the store."""
    with store.reading() as connection:
        report.by_state = {state.value: count for state, count in counts.count_by_state(connection).items()}
        report.held_by_reason = counts.held_by_reason(connection)
        report.open_tasks = counts.open_task_count(connection)
