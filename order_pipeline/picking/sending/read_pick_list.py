"""Reads the list of picks from `marts.pick_lines` and `marts.pick_follow_up`, as of one lake snapshot."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.outbox.open_lines import load_lines_of, load_open_lines
from order_pipeline.picking.outbox.states import NOT_ON_THE_FLOOR
from order_pipeline.picking.outbox.store import OutboxLine
from order_pipeline.picking.planning.pick_lines import PickLine
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.planning.upstream import UpstreamStatus, is_over, read_since
from order_pipeline.picking.sending.days_to_read import copy_days, days_of_orders, days_with_picks
from order_pipeline.picking.sending.read_basis import read_basis, read_rules
from order_pipeline.warehouse.lake.connection import Connection, Lake, snapshot_id
from order_pipeline.warehouse.lake_excerpt import LakeExcerpt

ORDER_TABLES = ("orders", "order_lines", "shipments", "shipment_lines")
"""The tables whose rejects take a line off the list of picks."""


def read_pick_list(lake: Lake, operations: OperationsStore, covered_sources: Sequence[str] | None = None) -> PickList:
    """Read the list in one transaction, so that it belongs to the snapshot whose number it carries.

    Args:
        lake: with the marts deployed.
        operations: whose sent lines are looked up again, to see what became of their orders.
        covered_sources: the channels to read; None for all.
    """
    followed = lines_to_follow(operations)
    with closing(lake.connect()) as connection, closing(LakeExcerpt(connection, f"picks_{uuid4().hex}")) as copied:
        connection.begin()
        try:
            known_orders = days_of_orders(connection, [line.order_id for line in followed])
            copy_days(copied, days_with_picks(connection) | set(known_orders.values()))
            rules = read_rules(connection)
            with copied.used():
                picks = pick_list_of(connection, operations, followed, covered_sources, known_orders=known_orders)
                unsent = [row for row in picks.rows if row["pick_id"] not in (picks.followed or ())]
                return replace(picks, basis=read_basis(connection, unsent, rules))
        finally:
            connection.rollback()


def lines_to_follow(operations: OperationsStore) -> list[OutboxLine]:
    """The lines that are on the floor, or perhaps, and not over: what became of their orders is looked up."""
    now = datetime.now(UTC)
    with operations.reading() as store:
        known = load_open_lines(store, read_since(now)).values()
    return [line for line in known if line.state not in NOT_ON_THE_FLOOR and not is_over(line, now)]


def pick_list_of(
    connection: Connection,
    operations: OperationsStore,
    followed: Sequence[OutboxLine],
    covered_sources: Sequence[str] | None = None,
    *,
    known_orders: Collection[str] | None = None,
) -> PickList:
    """Read the list from the relations that the connection sees.

    Args:
        connection: in one read transaction of the lake.
        operations: whose sent lines are followed also when they are over, once the list names them.
        followed: see `lines_to_follow`.
        covered_sources: the channels to read; None for all.
        known_orders: the ids of followed orders that core knows; None: `core.orders` has all orders, and tells.
    """
    rows = _records(
        connection,
        f"SELECT {_columns(PickLine)}, location FROM marts.pick_lines"
        " WHERE $covered IS NULL OR source IN (SELECT unnest($covered::VARCHAR[]))",
        covered=None if covered_sources is None else list(covered_sources),
    )
    listed = {row["pick_id"] for row in rows}
    with operations.reading() as store:
        again = load_lines_of(store, listed - {None, *(line.pick_id for line in followed)}).values()
    followed = [*followed, *(line for line in again if line.state not in NOT_ON_THE_FLOOR)]
    follow_up = _records(
        connection,
        f"SELECT {_columns(UpstreamStatus)} FROM marts.pick_follow_up"
        " WHERE pick_id IN (SELECT unnest($pick_ids::VARCHAR[]))",
        pick_ids=[line.pick_id for line in followed],
    )
    asked = [line.order_id for line in followed if line.pick_id not in listed]
    known = days_of_orders(connection, asked) if known_orders is None else known_orders
    # Core forgets no order. Of one that it does not know this lake is older than its pick.
    unreadable = _quarantined_orders(connection, followed) | (frozenset(asked) - frozenset(known))
    return PickList(
        rows=rows,
        snapshot_id=snapshot_id(connection),
        upstream=[UpstreamStatus(**each) for each in follow_up],
        quarantined_orders=unreadable,
        followed=frozenset(line.pick_id for line in followed),
    )


def _quarantined_orders(connection: Connection, followed: Sequence[OutboxLine]) -> frozenset[str]:
    """Ids of the orders of which the quarantine holds something back that decides about the list of picks.

    A row that broke its order's very key is known by its raw record id, which ends in the order's number.
    """
    rejects = _records(
        connection,
        "SELECT DISTINCT source, order_id, raw_record_id FROM quarantine.rejects WHERE resolved_at IS NULL"
        " AND table_name IN (SELECT unnest($tables::VARCHAR[]))",
        tables=list(ORDER_TABLES),
    )
    with_key = {each["order_id"] for each in rejects if each["order_id"]}
    without = {(each["source"], each["raw_record_id"].rpartition(":")[2]) for each in rejects if not each["order_id"]}
    return frozenset(with_key | {line.order_id for line in followed if (line.source, line.order_number) in without})


def _columns(record: type) -> str:
    return ", ".join(field.name for field in fields(record))


def _records(connection: Connection, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
