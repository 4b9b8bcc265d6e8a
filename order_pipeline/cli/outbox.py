"""`order-pipeline outbox ...`: every pick line's state and history, tasks for people, a person's word on a doubt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from order_pipeline.cli.output import Format, fail, note, print_objects, print_table, result_console
from order_pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from order_pipeline.operations.store import OperationsStore
    from order_pipeline.picking.operators.views import LineStory

app = typer.Typer(no_args_is_help=True, help="The picks: what was sent, what is held and why, what is in doubt.")

State = Annotated[list[str] | None, typer.Option(help="Only lines in this state; repeat it. Default: all.")]
Output = Annotated[Format, typer.Option("--format", help="How to print the result.")]
Who = Annotated[str, typer.Option(help="Who looked at the ScanOrders screen.")]
Reason = Annotated[str, typer.Option(help="What was seen; kept with the line for good.")]
NEXT_STEP = "`order-pipeline outbox list` shows the lines and their ids."


@contextmanager
def opened_store(settings: Settings) -> Iterator[OperationsStore]:
    """The operations store, its tables made."""
    from order_pipeline.operations.store import OperationsStore  # noqa: PLC0415

    with closing(OperationsStore(settings.resolved_operations_url)) as store:
        store.create_all()
        yield store


@app.command("list")
def list_lines(
    state: State = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many lines, latest change first.")] = 1000,
    output: Output = Format.TABLE,
) -> None:
    """List pick lines with state, reason and times. No personal data.

    States: planned, held, sending, sent, rejected, in_doubt, resolved_sent, resolved_not_sent, changed_after_send,
    cancelled_after_send.
    """
    from order_pipeline.picking.operators import views  # noqa: PLC0415
    from order_pipeline.picking.outbox.states import PickState  # noqa: PLC0415

    unknown = set(state or []) - {each.value for each in PickState}
    if unknown:
        fail(f"No such state: {', '.join(unknown)}.", f"States: {', '.join(PickState)}.", code=2)
    with opened_store(load_settings()) as store:
        print_objects(views.list_lines(store, [PickState(each) for each in state] if state else None, limit), output)


@app.command("show")
def show(
    key: Annotated[str, typer.Argument(help="A pick id, an order number or an order id.")],
    payload: Annotated[bool, typer.Option(help="Also what was, or would be, sent: it names the customer.")] = False,  # noqa: FBT002
) -> None:
    """Show one line, or every line of an order, with every step it took and the tasks about it."""
    from order_pipeline.picking.operators import views  # noqa: PLC0415

    with opened_store(load_settings()) as store:
        try:
            stories = views.show(store, key)
        except views.UnknownPickError as error:
            fail(str(error), NEXT_STEP)
    for story in stories:
        print_story(story, with_payload=payload)


def print_story(story: LineStory, *, with_payload: bool) -> None:
    """One line for a person: where it stands, how it got there, what is to be done."""
    line = story.line
    result_console.print(f"{line.pick_id}: {line.state.value}", style="bold", markup=False)
    if line.reason:
        result_console.print(f"{line.reason}: {line.detail or ''}", markup=False)
    if with_payload:
        result_console.print(line.payload, markup=False)
    columns = ("at", "from_state", "to_state", "reason", "detail", "actor", "attempt", "http_status", "run_id")
    print_table(columns, [[event[name] for name in columns] for event in story.events])
    for task in story.tasks:
        done = f"closed by {task['closed_by']}" if task["closed_at"] else "open"
        result_console.print(f"task {task['task_id']} ({done}): {task['what_to_do']} {task['detail']}", markup=False)


@app.command("resolve")
def resolve(
    pick_id: Annotated[str, typer.Argument(help="The pick id of a line that is in doubt or was rejected.")],
    sent: Annotated[bool, typer.Option("--sent/--not-sent", help="Is it on the picker's screen?")],
    reason: Reason,
    who: Who,
) -> None:
    """Settle a doubt after looking at the ScanOrders screen; nothing else ever settles one.

    --not-sent lets the next emission send the line again: if it is on the floor after all, it will be there twice.
    """
    from order_pipeline.picking.operators.resolve import resolve as store_verdict  # noqa: PLC0415
    from order_pipeline.picking.operators.views import UnknownPickError  # noqa: PLC0415
    from order_pipeline.picking.outbox.states import ForbiddenTransitionError  # noqa: PLC0415

    with opened_store(load_settings()) as store:
        try:
            state = store_verdict(store, pick_id, "sent" if sent else "not_sent", reason=reason, who=who)
        except (UnknownPickError, ForbiddenTransitionError, ValueError) as error:
            fail(str(error), NEXT_STEP)
    note(f"{pick_id}: {state.value}")


@app.command("tasks")
def list_tasks(
    closed: Annotated[bool, typer.Option("--all", help="Also those that are done.")] = False,  # noqa: FBT002
    output: Output = Format.TABLE,
) -> None:
    """List what waits for a person: orders that changed or were cancelled after their lines went to the floor."""
    from order_pipeline.picking.operators import views  # noqa: PLC0415

    with opened_store(load_settings()) as store:
        found = views.list_tasks(store, include_closed=closed)
    print_objects([{name: each[name] for name in each if name != "fingerprint"} for each in found], output)


@app.command("close-task")
def close_task(
    task_id: Annotated[int, typer.Argument(help="The task's number, from `outbox tasks`.")],
    reason: Annotated[str, typer.Option(help="What was done.")],
    who: Annotated[str, typer.Option(help="Who did it.")],
) -> None:
    """Say that a task is done; the record stays."""
    from order_pipeline.picking.operators.resolve import close_task as close  # noqa: PLC0415
    from order_pipeline.picking.operators.views import UnknownPickError  # noqa: PLC0415

    with opened_store(load_settings()) as store:
        try:
            close(store, task_id, reason=reason, who=who)
        except (UnknownPickError, ValueError) as error:
            fail(str(error), "`order-pipeline outbox tasks` shows the open ones.")
    note(f"task {task_id}: closed")


@app.command("preview")
def preview(output: Output = Format.JSON) -> None:
    """Show what an emission of now would do, with the exact payloads and how they differ from what was sent.

    Reads only, sends nothing, stores nothing. The payloads name the customer: not for logs.
    """
    import msgspec  # noqa: PLC0415

    from order_pipeline.orchestration.assets.emission import read_pick_list  # noqa: PLC0415
    from order_pipeline.orchestration.resource import Road  # noqa: PLC0415
    from order_pipeline.picking.operators.preview import preview as preview_of  # noqa: PLC0415

    road = Road(load_settings())
    previews = preview_of(road.settings, road.operations, read_pick_list(road, None))
    print_objects([msgspec.to_builtins(each) for each in previews], output)
