"""Whether picks go out: the login, the emitter's lease, the emissions, the queue, and the doubts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from order_pipeline.alerts.kinds import Kind
from order_pipeline.destinations.scanorders_token import (
    LOGIN_COMMAND,
    TokenKeeper,
    expiry_warning,
    how_to_renew,
)
from order_pipeline.http.errors import NotConfigured
from order_pipeline.operations.incidents import Incident
from order_pipeline.operations.leases import LeaseState, lease_state
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.operators.views import Queue, check_doubts, check_queue
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.settings import Settings

LOGIN, EMITTER, EMISSION, QUEUE = "scanorders login", "emitter", "emission", "queue"
STILL_SENDING = timedelta(minutes=5)
"""While lines go out, a long queue is a large wave and no incident."""
KINDS = (Kind.PICKS_STOPPED, Kind.LOGIN_ENDING, Kind.DOUBTS)


def find_floor_incidents(settings: Settings, store: OperationsStore, now: datetime) -> Iterator[Incident]:
    """What keeps picks from going out, each by its first cause; and doubts that are too old.

    While sending is off only the doubts count: a dry run sends nothing on purpose.
    """
    if settings.scanorders.send:
        queue = check_queue(store)
        stopped = list(_find_stops(settings, store, queue, now))
        yield from stopped or _find_waiting_queue(settings, queue, now)
        yield from _find_ending_login(settings, now, is_dead=any(each.subject == LOGIN for each in stopped))
    yield from _find_doubts(settings, store, now)


def _find_stops(settings: Settings, store: OperationsStore, queue: Queue, now: datetime) -> Iterator[Incident]:
    """The causes for which no pick can go out."""
    why = why_login_is_dead(settings, queue)
    if why is not None:
        yield Incident(
            kind=Kind.PICKS_STOPPED,
            subject=LOGIN,
            message=f"Picks are not going out: {why} ({_waiting(queue)}).",
            next_step=how_to_renew(settings),
            since=queue.unauthorised_since,
            run_id=queue.run_id,
        )
    lease = lease_state(store, LEASE_NAME)
    if lease is not None:
        yield from _find_stuck_emitter(settings, lease, now)
        yield from _find_missing_emission(settings, lease, now)


def why_login_is_dead(settings: Settings, queue: Queue) -> str | None:
    """Why no pick can be sent with the token at hand; None: as far as is known it is good."""
    try:
        TokenKeeper(settings).current()
    except NotConfigured as error:
        return str(error).partition(": run `")[0]
    return "ScanOrders refuses the access token" if queue.unauthorised else None


def _find_stuck_emitter(settings: Settings, lease: LeaseState, now: datetime) -> Iterator[Incident]:
    if lease.expires_at > now and now - lease.acquired_at >= timedelta(minutes=settings.alerts.lease_minutes):
        yield Incident(
            kind=Kind.PICKS_STOPPED,
            subject=EMITTER,
            message=f"Perhaps picks are not going out: one emitter has held the sending lease for "
            f"{_hours(now - lease.acquired_at)} ({lease.holder}).",
            next_step="Look at its run. If it is stuck, terminate the run: the next emission takes over.",
            since=lease.acquired_at,
        )


def _find_missing_emission(settings: Settings, lease: LeaseState, now: datetime) -> Iterator[Incident]:
    silence = now - max(lease.acquired_at, lease.expires_at)
    if silence >= timedelta(minutes=settings.alerts.emission_minutes):
        yield Incident(
            kind=Kind.PICKS_STOPPED,
            subject=EMISSION,
            message=f"Picks are not going out: no emission has run for {_hours(silence)}.",
            next_step="See whether the schedule `emission_every_15_minutes` is on and its runs start; "
            "`order-pipeline run` plans and sends at once.",
            since=lease.expires_at,
        )


def _find_waiting_queue(settings: Settings, queue: Queue, now: datetime) -> Iterator[Incident]:
    is_sending = queue.sent_at is not None and now - queue.sent_at < STILL_SENDING
    late = timedelta(minutes=settings.alerts.queue_minutes)
    if queue.oldest is not None and now - queue.oldest >= late and not is_sending:
        reasons = ", ".join(f"{reason} {count}" for reason, count in queue.reasons.items())
        yield Incident(
            kind=Kind.PICKS_STOPPED,
            subject=QUEUE,
            message=f"The queue does not empty: {_waiting(queue)}, the first for {_hours(now - queue.oldest)}"
            + (f" (put back: {reasons})." if reasons else "."),
            next_step="`order-pipeline outbox list --state planned`; the check `queue_emptied` of the last emission "
            "says what stopped it.",
            since=queue.oldest,
            run_id=queue.run_id,
        )


def _find_ending_login(settings: Settings, now: datetime, *, is_dead: bool) -> Iterator[Incident]:
    warning = None if is_dead else expiry_warning(settings, now)
    if warning is not None:
        yield Incident(
            kind=Kind.LOGIN_ENDING,
            subject=LOGIN,
            message=warning.partition(": run `")[0] + ".",
            next_step=LOGIN_COMMAND,
        )


def _find_doubts(settings: Settings, store: OperationsStore, now: datetime) -> Iterator[Incident]:
    minutes = settings.picking.doubt_alert_minutes
    doubts = check_doubts(store, minutes, now=now)
    if not doubts.passed:
        yield Incident(
            kind=Kind.DOUBTS,
            subject="outbox",
            message=f"Picks in doubt for more than {minutes} minutes: {doubts.overdue}. Nobody knows whether they are "
            "on the floor.",
            next_step="`order-pipeline outbox list --state in_doubt`; look at the ScanOrders screen, then "
            "`order-pipeline outbox resolve`.",
            since=now - timedelta(minutes=doubts.oldest_minutes),
        )


def _waiting(queue: Queue) -> str:
    return f"{queue.planned} pick{'' if queue.planned == 1 else 's'} wait{'s' if queue.planned == 1 else ''}"


def _hours(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
