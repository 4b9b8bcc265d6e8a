"""Whether picks go out: the login, the emitter's lease, the emissions, the queue, and the doubts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from order_pipeline.alerts.kinds import Kind
from order_pipeline.destinations.scanorders_token import (
    TokenKeeper,
    expiry_warning,
    how_to_renew,
    login_command,
    of_floor,
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
    """What keeps picks from going out, each by its first cause, floor by floor; and doubts that are too old.

    Of a floor that does not send only the doubts count: a dry run sends nothing on purpose.
    """
    sending = [floor for floor in settings.floors_in_use() if settings.floor_settings[floor].send]
    if sending:
        stopped = list(_find_stopped_emissions(settings, store, now))
        yield from stopped
        for floor in sending:
            queue = check_queue(store, floor)
            dead = list(_find_dead_login(settings, floor, queue))
            yield from dead
            if not (stopped or dead):
                yield from _find_waiting_queue(settings, floor, queue, now)
            if not dead:
                yield from _find_ending_login(settings, floor, now)
    yield from _find_doubts(settings, store, now)


def _find_dead_login(settings: Settings, floor: str, queue: Queue) -> Iterator[Incident]:
    why = why_login_is_dead(settings, floor, queue)
    if why is not None:
        yield Incident(
            kind=Kind.PICKS_STOPPED,
            subject=named(settings, LOGIN, floor),
            message=f"Picks are not going out: {why} ({_waiting(queue)}).",
            next_step=how_to_renew(settings, floor),
            since=queue.unauthorised_since,
            run_id=queue.run_id,
        )


def named(settings: Settings, subject: str, floor: str) -> str:
    """The subject of an incident of one floor; the floor is left out where there is only one."""
    return f"{subject} {floor}" if len(settings.floor_settings) > 1 else subject


def why_login_is_dead(settings: Settings, floor: str, queue: Queue) -> str | None:
    """Why no pick can be sent with the floor's token; None: as far as is known it is good."""
    try:
        TokenKeeper(settings, floor).current()
    except NotConfigured as error:
        return str(error).partition(": run `")[0]
    if not queue.unauthorised:
        return None
    return f"ScanOrders refuses the access token{of_floor(settings, floor)}"


def _find_stopped_emissions(settings: Settings, store: OperationsStore, now: datetime) -> Iterator[Incident]:
    """Causes for which no pick of any floor can go out."""
    lease = lease_state(store, LEASE_NAME)
    if lease is not None:
        yield from _find_stuck_emitter(settings, lease, now)
        yield from _find_missing_emission(settings, lease, now)


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


def _find_waiting_queue(settings: Settings, floor: str, queue: Queue, now: datetime) -> Iterator[Incident]:
    is_sending = queue.sent_at is not None and now - queue.sent_at < STILL_SENDING
    late = timedelta(minutes=settings.alerts.queue_minutes)
    if queue.oldest is not None and now - queue.oldest >= late and not is_sending:
        reasons = ", ".join(f"{reason} {count}" for reason, count in queue.reasons.items())
        yield Incident(
            kind=Kind.PICKS_STOPPED,
            subject=named(settings, QUEUE, floor),
            message=f"The queue{of_floor(settings, floor)} does not empty: {_waiting(queue)}, the first for "
            + _hours(now - queue.oldest)
            + (f" (put back: {reasons})." if reasons else "."),
            next_step="`order-pipeline outbox list --state planned`; the check `queue_emptied` of the last emission "
            "says what stopped it.",
            since=queue.oldest,
            run_id=queue.run_id,
        )


def _find_ending_login(settings: Settings, floor: str, now: datetime) -> Iterator[Incident]:
    warning = expiry_warning(settings, now, floor=floor)
    if warning is not None:
        yield Incident(
            kind=Kind.LOGIN_ENDING,
            subject=named(settings, LOGIN, floor),
            message=warning.partition(": run `")[0] + ".",
            next_step=login_command(floor),
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
