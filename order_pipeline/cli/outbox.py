"""`order-pipeline outbox ...`: pick lines and their history, tasks for people, a person's word on a doubt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from order_pipeline.cli.as_sent import print_as_sent
from order_pipeline.cli.output import Format, NeutralCells, fail, note, print_objects
from order_pipeline.cli.tables import Columns, Wide, cut, minute, print_listing, print_records, print_text
from order_pipeline.floors import MAIN, UnknownFloorError, known_floor
from order_pipeline.operations.store import OperationsStore, open_store
from order_pipeline.picking.operators import views
from order_pipeline.picking.operators.resolve import Verdict
from order_pipeline.picking.operators.resolve import close_task as close
from order_pipeline.picking.operators.resolve import confirm as store_confirmation
from order_pipeline.picking.operators.resolve import resolve as store_verdict
from order_pipeline.picking.operators.resolve import withdraw as store_withdrawal
from order_pipeline.picking.outbox.payload import read_payload
from order_pipeline.picking.outbox.states import ForbiddenTransitionError, PickState
from order_pipeline.settings import Settings, load_settings
from order_pipeline.story.as_sent import known_when_sent

State = Annotated[list[str] | None, typer.Option(help="Only lines in this state; repeat it. Default: all.")]
Output = Annotated[Format, typer.Option("--format", help="How to print the result.")]
Who = Annotated[str, typer.Option(help="Who looked at the ScanOrders screen.")]
Reason = Annotated[str, typer.Option(help="What was seen; kept with the line for good.")]
Floor = Annotated[str | None, typer.Option(help="Only this floor, where there are several.")]
LONGEST_REASON = 120
NEXT_STEP = "`order-pipeline outbox list` shows the lines and their ids."


def list_lines(  # noqa: PLR0917 - a command's options are its parameters
    state: State = None,
    floor: Floor = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many lines, latest change first.")] = 1000,
    output: Output = Format.TABLE,
    neutral_cells: NeutralCells = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
) -> None:
    """List pick lines with state, reason and times. No personal data.

    States: planned, held, sending, sent, rejected, in_doubt, resolved_sent, resolved_not_sent, changed_after_send,
    cancelled_after_send.
    """
    unknown = set(state or []) - {each.value for each in PickState}
    if unknown:
        fail(f"No such state: {', '.join(unknown)}.", f"States: {', '.join(PickState)}.", code=2)
    settings = load_settings()
    chosen = chosen_floor(settings, floor)
    with open_store(settings.resolved_operations_url) as store:
        lines = views.list_lines(store, [PickState(each) for each in state] if state else None, limit, floor=chosen)
    if output is not Format.TABLE:
        print_objects(lines, output, neutral_cells=neutral_cells)
        return
    print_listing(
        lines,
        {
            "pick, and why": lambda line: f"{line['pick_id']}\n{why(line, LONGEST_REASON)}".rstrip(),
            **floor_if_several(settings, lines),
            "state": lambda line: line["state"],
            "changed (UTC)": lambda line: minute(line["updated_at"]),
        },
        wide=wide,
    )


def chosen_floor(settings: Settings, floor: str | None) -> str | None:
    """The floor that a person named, or None; one that no setting makes ends the command."""
    try:
        return None if floor is None else known_floor(floor, settings.floor_settings)
    except UnknownFloorError as error:
        fail(str(error), "Floors are made by ORDER_PIPELINE_FLOORS__NAME__...", code=2)


def floor_if_several(settings: Settings, rows: Sequence[Mapping[str, Any]]) -> Columns:
    """The column that tells the floor; none where there is only one."""
    several = len({*settings.floor_settings, *(row["floor"] or MAIN for row in rows)}) > 1
    return {"floor": lambda row: row["floor"]} if several else {}


def why(row: Mapping[str, Any], longest: int | None = None) -> str:
    """The short code and what it means here: `no_bin: 0001925 has no bin`."""
    text = ": ".join(part for part in (row["reason"], row["detail"]) if part)
    return text if longest is None else cut(text, longest)


def show(
    key: Annotated[str, typer.Argument(help="A pick id, an order number or an order id.")],
    payload: Annotated[bool, typer.Option(help="Also what was, or would be, sent: it names the customer.")] = False,  # noqa: FBT002
    as_sent: Annotated[bool, typer.Option("--as-sent", help="Also what was known of it when it was sent.")] = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
) -> None:
    """Show one line, or every line of an order, with every step it took and the tasks about it.

    --as-sent adds the columns and statuses that the emission had read, and the versions of the channel's records that
    they came from; with --payload their text, too.
    """
    settings = load_settings()
    with open_store(settings.resolved_operations_url) as store:
        try:
            stories = views.show(store, key)
            known = known_when_sent(settings, store, [story.line for story in stories]) if as_sent else {}
        except views.UnknownPickError as error:
            fail(str(error), NEXT_STEP)
    for story in stories:
        print_story(story, with_payload=payload, wide=wide)
        if story.line.pick_id in known:
            print_as_sent(known[story.line.pick_id], with_payload=payload, wide=wide)


def print_story(story: views.LineStory, *, with_payload: bool, wide: bool = False) -> None:
    """Print one line: its state, its history, its tasks."""
    line = story.line
    place = f" (floor {line.floor})" if line.floor != MAIN else ""
    print_text(f"{line.pick_id}: {line.state.value}{place}", style="bold")
    if line.reason:
        print_text(why({"reason": line.reason, "detail": line.detail}))
    if with_payload:
        print_records([{"": "what is sent", **read_payload(line.payload)}], [""], longest=10_000)
    columns = ("at", "from_state", "to_state", "reason", "detail", "actor", "attempt", "http_status", "run_id")
    print_listing(
        [{name: event[name] for name in columns} for event in story.events],
        {
            "at (UTC)": lambda event: f"{event['at']:%Y-%m-%d %H:%M:%S}",
            "became": lambda event: event["to_state"],
            "why": why,
            "by": lambda event: event["actor"],
            "answer": lambda event: event["http_status"],
        },
        wide=wide,
    )
    for task in story.tasks:
        done = f"closed by {task['closed_by']}" if task["closed_at"] else "open"
        print_text(f"task {task['task_id']} ({done}): {task['what_to_do']} {task['detail']}")


def resolve(
    pick_id: Annotated[str, typer.Argument(help="The pick id of a line that is in doubt, rejected or held.")],
    sent: Annotated[bool, typer.Option("--sent/--not-sent", help="Is it on the picker's screen?")],
    reason: Reason,
    who: Who,
) -> None:
    """Resolve a doubt after a look at the ScanOrders screen; nothing else ever resolves one.

    --not-sent lets the next emission send the line again: if it is on the floor after all, it will be there twice.
    A held line can only be called --sent: it was added by hand, or the goods of another pick serve it.
    """
    verdict: Verdict = "sent" if sent else "not_sent"
    _tell(pick_id, lambda store: store_verdict(store, pick_id, verdict, reason=reason, who=who))


def withdraw(
    pick_id: Annotated[str, typer.Argument(help="The pick id of a line that is on the floor.")],
    reason: Reason,
    who: Who,
) -> None:
    """Say that a pick was taken off the ScanOrders screen. It is never sent again; its tasks are closed.

    A pick of the same item that was made anew in its place (held: remade_after_send) goes out with the next emission.
    """
    _tell(pick_id, lambda store: store_withdrawal(store, pick_id, reason=reason, who=who))


def confirm(
    pick_id: Annotated[str, typer.Argument(help="The pick id of a line that is on the floor.")],
    reason: Reason,
    who: Who,
) -> None:
    """Say that a pick on the floor is right, whatever its order says; its tasks are closed.

    A pick of the same item that was made anew (held: remade_after_send) is then one more parcel, and goes out with the
    next emission. If the goods of the first serve the second: `outbox resolve SECOND --sent` instead.
    """
    _tell(pick_id, lambda store: store_confirmation(store, pick_id, reason=reason, who=who))


def _tell(pick_id: str, store_word: Callable[[OperationsStore], PickState]) -> None:
    """Store a person's word about a pick, and print its new state."""
    with open_store(load_settings().resolved_operations_url) as store:
        try:
            state = store_word(store)
        except (views.UnknownPickError, ForbiddenTransitionError, ValueError) as error:
            fail(str(error), NEXT_STEP)
    note(f"{pick_id}: {state.value}")


def list_tasks(
    closed: Annotated[bool, typer.Option("--all", help="Also those that are done.")] = False,  # noqa: FBT002
    output: Output = Format.TABLE,
    neutral_cells: NeutralCells = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
) -> None:
    """List what waits for a person: orders that changed or were cancelled after their lines went to the floor."""
    settings = load_settings()
    with open_store(settings.resolved_operations_url) as store:
        found = views.list_tasks(store, include_closed=closed)
    tasks = [{name: each[name] for name in each if name != "fingerprint"} for each in found]
    if output is not Format.TABLE:
        print_objects(tasks, output, neutral_cells=neutral_cells)
        return
    print_listing(
        tasks,
        {
            "id": lambda task: task["task_id"],
            "order": lambda task: task["order_number"],
            **floor_if_several(settings, tasks),
            "kind": lambda task: task["kind"],
            "what to do": lambda task: f"{task['what_to_do']}\n{cut(task['detail'], LONGEST_REASON)}",
            "opened (UTC)": lambda task: (
                minute(task["opened_at"]) + (f"\nclosed {minute(task['closed_at'])}" if task["closed_at"] else "")
            ),
        },
        wide=wide,
    )


def close_task(
    task_id: Annotated[int, typer.Argument(help="The task's number, from `outbox tasks`.")],
    reason: Annotated[str, typer.Option(help="What was done.")],
    who: Annotated[str, typer.Option(help="Who did it.")],
) -> None:
    """Say that a task is done; the record stays."""
    with open_store(load_settings().resolved_operations_url) as store:
        try:
            close(store, task_id, reason=reason, who=who)
        except (views.UnknownPickError, ValueError) as error:
            fail(str(error), "`order-pipeline outbox tasks` shows the open ones.")
    note(f"task {task_id}: closed")
