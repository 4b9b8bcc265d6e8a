"""What `doctor` says about alerts: whether messages reach anybody, and what the looks of the alerts see now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from order_pipeline.cli.findings import Finding
from order_pipeline.settings import Settings

if TYPE_CHECKING:
    from order_pipeline.operations.store import OperationsStore

NOBODY = (
    "Set ORDER_PIPELINE_ALERTS__WEBHOOK_URL, __SMTP_URL with __MAIL_TO, or __COMMAND; `order-pipeline alerts test`."
)


def look_at_alerts(settings: Settings) -> Iterator[Finding]:
    """By whom messages go out, what could not be brought, and what is wrong now."""
    from sqlalchemy import make_url  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from order_pipeline.operations.store import open_store  # noqa: PLC0415

    yield from _find_messengers(settings)
    address = make_url(settings.resolved_operations_url)
    if address.get_backend_name() == "sqlite" and not Path(str(address.database)).exists():
        return  # not made yet, and `doctor` makes nothing
    try:
        with open_store(settings.resolved_operations_url) as store:
            yield from _find_backlogs(store)
            yield from _find_incidents(settings, store)
    except (SQLAlchemyError, OSError):
        return  # said with the stores


def _find_messengers(settings: Settings) -> Iterator[Finding]:
    from order_pipeline.alerts.messengers import messengers_of  # noqa: PLC0415

    if settings.alerts.smtp_url is not None and not settings.alerts.mail_to:
        yield Finding(
            "alerts by mail", "missing", "not set: ORDER_PIPELINE_ALERTS__MAIL_TO", "Name who gets the mails."
        )
    names = [messenger.name for messenger in messengers_of(settings)]
    if len(names) == 1:
        advice = "" if settings.demo_world_file.exists() else NOBODY
        yield Finding("alerts", "off", "nobody is told: only the log and alerts.jsonl", advice)
    else:
        yield Finding("alerts", "ok", f"by {', '.join(names)}")


def _find_backlogs(store: OperationsStore) -> Iterator[Finding]:
    from order_pipeline.operations.incident_messages import backlogs  # noqa: PLC0415

    for backlog in backlogs(store):
        detail = f"{backlog.waiting} messages since {backlog.oldest:%Y-%m-%d %H:%M} UTC: {backlog.last_error}"
        yield Finding(f"alerts by {backlog.messenger}", "failed", detail, "order-pipeline alerts test")


def _find_incidents(settings: Settings, store: OperationsStore) -> Iterator[Finding]:
    from order_pipeline.alerts.kinds import Kind  # noqa: PLC0415
    from order_pipeline.alerts.looks.stores import store_looks  # noqa: PLC0415
    from order_pipeline.alerts.redaction import redact_incident, secret_values  # noqa: PLC0415
    from order_pipeline.alerts.watch import look_everywhere  # noqa: PLC0415

    secrets = secret_values(settings)
    for found in look_everywhere(store_looks(settings, store, datetime.now(UTC))).incidents:
        if found.kind == Kind.LOGIN_ENDING or (found.kind == Kind.SOURCE_STALE and not settings.schedule.active):
            continue  # `scanorders login` says the first; without schedules nobody expects the second
        told = redact_incident(found, secrets)
        state = "failed" if found.kind == Kind.PICKS_STOPPED else "waits"
        yield Finding(f"{told.kind}: {told.subject}", state, told.message, told.next_step)
