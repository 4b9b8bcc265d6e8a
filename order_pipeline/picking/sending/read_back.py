"""The read-back: asks ScanOrders what it has for the lines it got, and pushes statuses where the policy says so.

`orders` and `updateorder` want an id, and nothing documents that it is the one which create answers
(docs/apis/scanorders.md section 6). So the fulfilment id is tried. It is believed only where the order read under it
has the barcode and the quantity that were sent, and nothing is pushed to an id that did not prove itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, insert, select, update

from order_pipeline.contracts.enumerations import LINE_STATUSES, ORDER_STATUSES, SHIPMENT_STATUSES
from order_pipeline.destinations.scanorders import OrderReading, ScanOrdersClient, open_transport
from order_pipeline.destinations.scanorders_token import TokenKeeper
from order_pipeline.destinations.settings import FloorStatus
from order_pipeline.http.errors import ApiError, NotConfigured
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import pick_outbox, pick_status
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox.payload import read_payload
from order_pipeline.picking.outbox.states import ON_THE_FLOOR, Actor
from order_pipeline.picking.outbox.store import Context, Observation, OutboxLine
from order_pipeline.settings import Settings


@dataclass(slots=True)
class ReadBackReport:
    """Counts of one run. `not_found`: ScanOrders does not know the id; `mismatched`: it is another order's."""

    read: int = 0
    matched: int = 0
    mismatched: int = 0
    not_found: int = 0
    pushed: int = 0
    failed: int = 0
    first_error: str = ""


Call: TypeAlias = Callable[[ScanOrdersClient, OutboxLine], Awaitable[None]]


def read_back(settings: Settings, store: OperationsStore, *, run_id: str, limit: int = 500) -> ReadBackReport:
    """Read up to `limit` sent lines of each floor, those never read or read longest ago first, into `pick_status`."""
    store.create_all()
    with store.reading() as connection:
        lines = {floor: _lines_to_read(connection, floor, limit) for floor in settings.floor_settings}
    report = ReadBackReport()

    async def read(client: ScanOrdersClient, line: OutboxLine) -> None:
        reading = await client.read_order(str(line.fulfilment_id))
        report.read += 1
        if reading is None:
            report.not_found += 1
            return
        matches = is_the_line(line, reading)
        report.matched += matches
        report.mismatched += not matches
        with store.writing() as connection:
            _store_reading(connection, line, reading, matches=matches, at=store.now(connection), run_id=run_id)

    asyncio.run(_call_for_each(settings, lines, report, read))
    return report


def push_statuses(settings: Settings, store: OperationsStore, *, run_id: str) -> ReadBackReport:
    """Set the status that the floor's `push_statuses` names for a sent line's upstream status, once per change.

    Needs the floor's `send`: without it nothing is pushed, as nothing is sent.

    Raises:
        NotConfigured: the policy names an upstream status that there is not, so it would never be followed.
    """
    store.create_all()
    report = ReadBackReport()
    floors = settings.floor_settings
    policies = {floor: there.push_statuses for floor, there in floors.items() if there.push_statuses and there.send}
    named = {status for policy in policies.values() for status in policy}
    unheard_of = sorted(named - {*ORDER_STATUSES, *SHIPMENT_STATUSES, *LINE_STATUSES})
    if unheard_of:
        raise NotConfigured(
            f"No order, shipment or line has the status {', '.join(unheard_of)}: correct push_statuses."
        )
    with store.reading() as connection:
        lines = {floor: _lines_to_push(connection, floor, policy) for floor, policy in policies.items()}

    async def push(client: ScanOrdersClient, line: OutboxLine) -> None:
        status = policies[line.floor][line.upstream_status or ""]
        await client.update_status(str(line.fulfilment_id), status)
        report.pushed += 1
        with store.writing() as connection:
            context = Context(actor=Actor.EMITTER, run_id=run_id, at=store.now(connection))
            outbox.observe(connection, [Observation(line.pick_id, {"pushed_status": status})], context)
            outbox.add_note(connection, line, context, reason="status_pushed", detail=status)

    asyncio.run(_call_for_each(settings, lines, report, push))
    return report


def _lines_to_read(connection: Connection, floor: str, limit: int) -> list[OutboxLine]:
    query = (
        select(pick_outbox)
        .join(pick_status, pick_status.c.pick_id == pick_outbox.c.pick_id, isouter=True)
        .where(
            pick_outbox.c.floor == floor,
            pick_outbox.c.fulfilment_id.is_not(None),
            pick_outbox.c.state.in_([state.value for state in ON_THE_FLOOR]),
        )
        .order_by(pick_status.c.read_at.is_not(None), pick_status.c.read_at, pick_outbox.c.sent_at)
        .limit(limit)
    )
    return outbox.read_lines(connection, query)


def _lines_to_push(connection: Connection, floor: str, policy: Mapping[str, FloorStatus]) -> list[OutboxLine]:
    query = (
        select(pick_outbox)
        .join(pick_status, pick_status.c.pick_id == pick_outbox.c.pick_id)
        .where(pick_outbox.c.floor == floor, pick_status.c.matches, pick_outbox.c.upstream_status.in_(list(policy)))
    )
    return [
        line
        for line in outbox.read_lines(connection, query)
        if line.state in ON_THE_FLOOR and policy[line.upstream_status or ""] != line.pushed_status
    ]


async def _call_for_each(
    settings: Settings, lines: Mapping[str, list[OutboxLine]], report: ReadBackReport, call: Call
) -> None:
    """Make one call a line, all floors at once. A call that fails is counted and stops no other, nor another floor."""
    floors = [_call_at(settings, floor, of_floor, report, call) for floor, of_floor in lines.items() if of_floor]
    await asyncio.gather(*floors)


async def _call_at(settings: Settings, floor: str, lines: list[OutboxLine], report: ReadBackReport, call: Call) -> None:
    async with open_transport(settings, TokenKeeper(settings, floor), floor) as transport:
        client = ScanOrdersClient(transport, settings.floor_settings[floor])
        for line in lines:
            try:
                await call(client, line)
            except ApiError as error:
                report.failed += 1
                report.first_error = report.first_error or str(error)


def is_the_line(line: OutboxLine, reading: OrderReading) -> bool:
    """Whether the order read has the barcode (a number loses its leading zeros) and the quantity that were sent."""
    sent = read_payload(line.payload)
    same_barcode = reading.barcode is not None and str(sent.get("barcode", "")).lstrip("0") == reading.barcode.lstrip(
        "0"
    )
    return same_barcode and reading.quantity == str(sent.get("qtytopick"))


def _store_reading(
    connection: Connection, line: OutboxLine, reading: OrderReading, *, matches: bool, at: datetime, run_id: str
) -> None:
    values: dict[str, Any] = {
        "scanorders_order_id": reading.order_id,
        "status_code": reading.status_code,
        "barcode": reading.barcode,
        "quantity": reading.quantity,
        "order_date_raw": reading.order_date,
        "matches": matches,
        "read_at": at,
        "run_id": run_id,
    }
    updated = connection.execute(update(pick_status).where(pick_status.c.pick_id == line.pick_id).values(**values))
    if updated.rowcount == 0:
        connection.execute(insert(pick_status).values(pick_id=line.pick_id, first_read_at=at, **values))
