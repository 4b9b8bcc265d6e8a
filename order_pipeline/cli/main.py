"""The entry point, and every command in one tree."""

from __future__ import annotations

import os
import sys

from pydantic import ValidationError
from pydantic_settings import SettingsError

from order_pipeline.cli.lazy import WithChannels, group
from order_pipeline.cli.output import show_error
from order_pipeline.cli.visible import write_what_cannot_be_encoded_as_escapes
from order_pipeline.private_files import close_new_files
from order_pipeline.redaction.errors import described, shown_text
from order_pipeline.redaction.process import redact_this_process
from order_pipeline.settings_names import UnknownSettingError

COMMANDS = group(
    "order-pipeline",
    "Orders from the sales channels to the picking floor: nothing lost, nothing twice, every doubt shown.",
    {
        "demo": ("demo:demo", "Fetch, check, pick and send, all against local fakes."),
        "ui": ("ui:ui", "Open the Dagster UI, with its daemon, on this project."),
        "serve": ("serve:serve", "Run webserver, daemon and webhook receiver, as a service."),
        "run": ("run:run", "Fetch, check and send order days, through Dagster."),
        "sql": ("sql:sql", "Ask the lake in SQL (DuckDB)."),
        "export": ("export:export", "Write the warehouse into one DuckDB file, for others."),
        "trace": ("trace:trace", "Tell where an order is and why, what to do, and its whole way."),
        "status": ("status:status", "Show how it goes: channels, picks, alerts, disk, schedules."),
        "report": ("report:report", "Write a page of figures: backlog, holds, times, margin."),
        "dictionary": ("dictionary:dictionary", "Write a page about every table and column."),
        "dbt-vars": ("dbt_variables:dbt_vars", "Print what the settings decide, for real dbt."),
        "reconcile": ("reconcile:reconcile", "Compare raw, core, picks, outbox and floor."),
        "doctor": ("doctor:doctor", "Say what is missing in settings, stores and credentials."),
        "backup": ("backup:backup", "Back up the stores, also while a run writes."),
        "restore": ("backup:restore", "Restore a backup; what may have been sent since is held."),
        "upgrade": ("upgrade:upgrade", "Say what a new version does to the stores; with --yes, do it."),
        "replay": ("replay:replay", "Build days again from raw, or show what that would change."),
        "rebuild": ("upgrade:rebuild", "Build days again that older SQL built, or that you name."),
        "privacy": group(
            "privacy",
            "Personal data of one person: where it stands, and how it leaves.",
            {
                "find": ("privacy:find", "Show where a person's data stands, as counts."),
                "erase": ("privacy:erase", "Erase a person from every store, for good."),
            },
        ),
        "alerts": group(
            "alerts",
            "What is wrong now, and whether the messages about it arrive.",
            {
                "list": ("alerts:list_incidents", "List the incidents that are open."),
                "look": ("alerts:look", "Look once and send what waits, without the daemon."),
                "test": ("alerts:test", "Send a test message by every messenger."),
                "dismiss": ("alerts:dismiss", "Close an incident that nothing will end."),
            },
        ),
        "quarantine": group(
            "quarantine",
            "Rows that broke a rule, named by rule, field and value.",
            {
                "list": ("quarantine:list_rejects", "List the rows in quarantine."),
                "close": ("quarantine:close", "Close a reject by hand, with a reason."),
                "replay": (
                    "quarantine_replay:replay",
                    "Build the days of all open rejects again, from what is stored.",
                ),
            },
        ),
        "outbox": group(
            "outbox",
            "The picks: sent, held and why, in doubt, tasks for people.",
            {
                "list": ("outbox:list_lines", "List pick lines with state, reason and times."),
                "show": ("outbox:show", "Show a line, or every line of an order, with its history."),
                "resolve": ("outbox:resolve", "Resolve a doubt after a look at the ScanOrders screen."),
                "withdraw": ("outbox:withdraw", "Say that a pick was taken off the ScanOrders screen."),
                "waves": ("outbox_waves:waves", "List what is in doubt by wave, as after a restore."),
                "resolve-wave": ("outbox_waves:resolve_wave", "Answer for all lines in doubt of a wave."),
                "rebuild": ("stores:rebuild", "Bring a lost or older outbox up to the lake's copy of it."),
                "publish": ("reconcile:publish", "Copy every line to the lake again (core.pick_status)."),
                "confirm": ("outbox:confirm", "Say that a pick on the floor is right after all."),
                "tasks": ("outbox:list_tasks", "List what waits for a person."),
                "close-task": ("outbox:close_task", "Say that a task is done; the record stays."),
                "preview": ("preview:preview", "Show what an emission of now would send. Reads only."),
            },
        ),
        "stores": group(
            "stores",
            "Lake, operations store and data directory: do they belong together?",
            {
                "show": ("stores:show", "Show whose each store is, and how far it has come."),
                "accept": ("stores:accept", "Go on with the stores that are here; what is uncertain is held."),
                "settled": ("stores:settled", "Say that the gap after a restore is settled."),
            },
        ),
        "locations": group(
            "locations",
            "Where items lie and which barcode they bear: a CSV or Excel file.",
            {
                "check": ("locations:check", "Say what would be mended and refused. Stores nothing."),
                "load": ("locations:load", "Check the file and store it in the lake."),
            },
        ),
        "sandbox": group(
            "sandbox",
            "Local fakes of all four APIs: strict, seeded, loopback only.",
            {"serve": ("serve_sandbox:serve", "Serve the fakes until interrupted.")},
        ),
        "webhooks": group(
            "webhooks",
            "The receiver of the channels' webhooks.",
            {
                "serve": ("serve_webhooks:serve", "Receive webhooks until interrupted."),
                "watch": ("watch_webhooks:watch", "Land webhooks at once; the inbox sensor starts it."),
            },
        ),
        "scanorders": group(
            "scanorders",
            "The connection to ScanOrders, the picking app.",
            {"login": ("login:login", "Authorise the pipeline to create picks; a person consents once.")},
        ),
    },
    cls=WithChannels,
)


def main() -> None:
    """Run the command line; an error that no command foresaw ends with its message and exit code 1.

    `ORDER_PIPELINE_TRACEBACK=1` shows where it came from. A reader that closed the pipe early (`| head`) is no error.
    """
    close_new_files()
    redact_this_process()
    write_what_cannot_be_encoded_as_escapes()
    try:
        COMMANDS()
        sys.stdout.flush()
    except (ValidationError, SettingsError) as error:
        show_error(
            f"A setting is wrong: {shown_text(error)}", "Mend it in .env or in the environment (ORDER_PIPELINE_...)."
        )
        raise SystemExit(2) from None
    except UnknownSettingError as error:
        show_error(str(error), error.next_step)
        raise SystemExit(2) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if os.environ.get("ORDER_PIPELINE_TRACEBACK"):
            raise
        show_error(
            (shown_text(error) if getattr(error, "next_step", "") else described(error)).partition(" | next: ")[0],
            getattr(error, "next_step", "") or "ORDER_PIPELINE_TRACEBACK=1 shows where this came from.",
        )
        raise SystemExit(1) from None
