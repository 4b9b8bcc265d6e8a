"""`order-pipeline alerts`: what is wrong now, whether messages arrive, and a look without the daemon."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from order_pipeline.alerts.message import link_to_run, write_test_message
from order_pipeline.alerts.messengers import NotDeliveredError, messengers_of
from order_pipeline.alerts.redaction import redact_line, secret_values
from order_pipeline.cli.output import Format, NeutralCells, fail, note, print_objects
from order_pipeline.cli.tables import Wide, minute, print_listing, print_records, print_table
from order_pipeline.operations.incidents import dismiss as dismiss_incident
from order_pipeline.operations.incidents import latest_incidents, open_incidents
from order_pipeline.operations.store import open_store
from order_pipeline.settings import load_settings

SHOWN = ("incident_id", "kind", "subject", "message", "next_step", "partitions", "since", "opened_at", "closed_at")
LONGEST_MESSAGE = 1_000


def list_incidents(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over, newest first.")] = False,  # noqa: FBT002
    limit: Annotated[int, typer.Option(min=1, help="With --all: at most so many.")] = 50,
    output: Annotated[Format, typer.Option("--format", help="How to print the result.")] = Format.TABLE,
    neutral_cells: NeutralCells = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
) -> None:
    """List the incidents that are open: since when, what happened, what to do."""
    settings = load_settings()
    with open_store(settings.resolved_operations_url) as store:
        rows = latest_incidents(store, limit) if everything else open_incidents(store)
    objects = [{name: row[name] for name in SHOWN} | {"run": _run_of(row, settings.alerts.ui_url)} for row in rows]
    if output is not Format.TABLE:
        print_objects(objects, output, neutral_cells=neutral_cells)
    elif wide:
        print_listing(objects, {}, wide=True)
    else:
        print_records([_told(each) for each in objects], ("id", "kind", "subject"), longest=LONGEST_MESSAGE)


def _told(incident: dict[str, Any]) -> dict[str, Any]:
    """The fields that a person reads, each on a line of its own: a link that is folded cannot be opened."""
    is_over = incident["closed_at"] is not None
    return {
        "id": incident["incident_id"],
        "kind": incident["kind"],
        "subject": incident["subject"],
        "since": f"{minute(incident['since'])} UTC",
        "what": incident["message"],
        "days": incident["partitions"],
        "run": incident["run"],
        "over": f"{minute(incident['closed_at'])} UTC" if is_over else "",
        "next": "" if is_over else incident["next_step"],
    }


def _run_of(row: dict[str, Any], ui_url: str) -> str:
    return link_to_run(ui_url, row["run_id"]) if row["run_id"] else ""


def look() -> None:
    """Look once, as Dagster's sensor does, and send what waits: for a timer outside, or when the daemon is down."""
    from dagster import AssetsDefinition  # noqa: PLC0415

    from order_pipeline.definitions import build_definitions  # noqa: PLC0415 - Dagster takes seconds to import
    from order_pipeline.orchestration.alerts import check_keys_of, look_once  # noqa: PLC0415
    from order_pipeline.orchestration.instance import open_instance  # noqa: PLC0415

    settings = load_settings()
    definitions = build_definitions(settings)
    checked = [*(definitions.assets or []), *(definitions.asset_checks or [])]
    keys = check_keys_of(each for each in checked if isinstance(each, AssetsDefinition))
    with open_instance(settings) as instance:
        note(look_once(settings, instance, keys))


def test() -> None:
    """Send a test message by every messenger that the settings name; exit code 1 if one could not bring it.

    It says that nothing is wrong. Send one after each change of these settings.
    """
    settings = load_settings()
    secrets = secret_values(settings)
    message = write_test_message(datetime.now(UTC), settings.alerts.ui_url)
    outcomes: list[tuple[str, str, str]] = []
    for messenger in messengers_of(settings):
        try:
            messenger.bring(message)
        except NotDeliveredError as error:
            outcomes.append((messenger.name, "failed", redact_line(str(error), secrets)))
        else:
            outcomes.append((messenger.name, "sent", ""))
    print_table(["messenger", "state", "detail"], outcomes)
    if any(state == "failed" for _, state, _ in outcomes):
        fail("not every messenger brought the message.", "Mend the setting ORDER_PIPELINE_ALERTS__... and try again.")
    if len(outcomes) == 1:
        note("Only the log is configured, and nobody is called by a log: set ORDER_PIPELINE_ALERTS__WEBHOOK_URL, "
             "__SMTP_URL with __MAIL_TO, or __COMMAND.")  # fmt: skip


def dismiss(
    incident_id: Annotated[int, typer.Argument(help="The id that `list` shows.")],
    who: Annotated[str, typer.Option(help="Your name; kept with the incident.")] = "",
) -> None:
    """Close an incident that nothing will end, such as a failed run that nobody will repeat.

    It stays closed until another run fails in the same way. An incident whose cause is still there opens again.
    """
    settings = load_settings()
    names = [messenger.name for messenger in messengers_of(settings)]
    with open_store(settings.resolved_operations_url) as store:
        is_closed = dismiss_incident(store, incident_id, who.strip() or getpass.getuser(), names)
    if not is_closed:
        fail(f"No incident {incident_id} is open.", "`order-pipeline alerts list` shows those that are.")
    note(f"Incident {incident_id} is closed.")
