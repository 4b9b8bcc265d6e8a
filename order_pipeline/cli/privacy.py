"""`order-pipeline privacy find` and `erase`: where a person's data stands, and how it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from order_pipeline.cli.demo_sandbox import as_filled
from order_pipeline.cli.output import Format, fail, note, print_rows
from order_pipeline.operations.leases import LeaseHeldError
from order_pipeline.privacy.subjects import Subject, SubjectKind, require_usable
from order_pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from order_pipeline.orchestration.resource import PipelineResource

Order = Annotated[str | None, typer.Option(help="An order, by its number at the channel, or its reference.")]
Email = Annotated[str | None, typer.Option(help="An e-mail address, as a whole.")]
Phone = Annotated[str | None, typer.Option(help="A phone, with or without its country code.")]
Name = Annotated[str | None, typer.Option(help="First and last name. Others may bear it: look with `find` first.")]
SOMETHING_LEFT = 1


def find(
    order: Order = None,
    email: Email = None,
    phone: Phone = None,
    name: Name = None,
    output: Annotated[Format, typer.Option("--format", help="How to print the result.")] = Format.TABLE,
) -> None:
    """Show where a person's data stands, as counts. No value is shown.

    \b
    Exit code 0: nothing stands anywhere. 1: something does.
    Backups are not looked at, as nothing here knows where they are.
    """  # noqa: D301
    from order_pipeline.privacy.search import find as search  # noqa: PLC0415 - reads the contracts

    subject = _subject(order, email, phone, name)
    with _open(as_filled(load_settings())) as pipeline:
        found = search(pipeline.settings, pipeline.operations, pipeline.lake, subject)
    print_rows(("place", "rows or files"), sorted(found.places.items()), output)
    note(f"{found.records:,} records of raw are about the person")
    for request in found.requests:
        ended = (
            f"finished {request.finished_at:%Y-%m-%d %H:%M} UTC" if request.finished_at else "NOT FINISHED: run erase"
        )
        note(f"erasure asked for by {request.requested_by} on {request.begun_at:%Y-%m-%d}, {ended}")
    if found.inlined:
        note(f"{found.inlined:,} rows of anybody stand in the catalog itself; an erasure writes them to files first")
    note("Backups are not looked at.")
    if found.places:
        raise typer.Exit(SOMETHING_LEFT)


def erase(  # noqa: PLR0917 - a command's options
    by: Annotated[str, typer.Option("--by", help="Who asked for it; kept.")],
    reason: Annotated[str, typer.Option(help="Why; kept. Do not name the person.")],
    order: Order = None,
    email: Email = None,
    phone: Phone = None,
    name: Name = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only counted.")] = False,  # noqa: FBT002
) -> None:
    """Erase a person from raw, core, quarantine, inbox, outbox, Dagster and logs.

    \b
    There is no way back. Ids, amounts and states stay, so totals do too.
    Files of the lake are written anew, old snapshots go, SQLite files are
    written anew. What the channel sends of these orders later is erased on
    arrival. A killed erasure is run again. It waits for no one: while an
    emission or a build is at work it does nothing and says so.
    Backups stay as they are: delete those of before.
    """  # noqa: D301
    from order_pipeline.privacy.erase import erase as do_erase  # noqa: PLC0415 - as the next ones
    from order_pipeline.privacy.search import find as search  # noqa: PLC0415

    subject = _subject(order, email, phone, name)
    if not by.strip() or not reason.strip():
        fail("Who asked, or why, is empty.", "--by NAME --reason TEXT", code=2)
    if subject.kind is not SubjectKind.ORDER and subject.value.casefold() in f"{by} {reason}".casefold():
        fail("The reason names the person, and it is kept.", "Say why without naming them.", code=2)
    with _open(as_filled(load_settings())) as pipeline:
        if not yes:
            found = search(pipeline.settings, pipeline.operations, pipeline.lake, subject)
            print_rows(("place", "rows or files"), sorted(found.places.items()), Format.TABLE)
            note(f"{found.records:,} records of raw would be erased. Nothing was changed; do it with --yes")
            return
        try:
            erased = do_erase(
                pipeline.settings,
                pipeline.operations,
                pipeline.lake,
                pipeline.project,
                subject,
                by.strip(),
                reason.strip(),
            )
        except LeaseHeldError as error:
            fail(str(error), "Wait until the emission has ended, then run the same command again.")
        pipeline.note_progress()
    print_rows(("place", "rewritten"), sorted((+erased.places).items()), Format.TABLE)
    note(f"{erased.records:,} records of raw are erased, now and whenever they arrive again")
    if erased.failed_days:
        days = ", ".join(f"{source} {day}" for source, days in erased.failed_days.items() for day in days)
        fail(f"Core could not be built anew: {days}.", "order-pipeline rebuild, then run the same command again.")


def _subject(order: str | None, email: str | None, phone: str | None, name: str | None) -> Subject:
    given = {"order": order, "email": email, "phone": phone, "name": name}
    chosen = [Subject(SubjectKind(kind), value) for kind, value in given.items() if value is not None]
    if len(chosen) != 1:
        fail("Say whom by one option.", "--order, --email, --phone or --name VALUE", code=2)
    try:
        require_usable(chosen[0])
    except ValueError as error:
        fail(f"{error}.", "--help says what each option takes.", code=2)
    return chosen[0]


@contextmanager
def _open(settings: Settings) -> Iterator[PipelineResource]:
    """The stores, which must be there and belong together."""
    from order_pipeline.orchestration.resource import PipelineResource  # noqa: PLC0415 - reads the SQL project
    from order_pipeline.warehouse.lake.connection import Lake  # noqa: PLC0415

    file = Lake(settings).catalog_file
    if file is not None and not file.exists():
        fail(f"There is no lake at {file}.", "Run the pipeline once, or check ORDER_PIPELINE_DATA_DIR.")
    pipeline = PipelineResource(settings)
    pipeline.prepare_stores()
    with closing(pipeline.lake), closing(pipeline.operations):
        yield pipeline
