"""Invented picks for the tests of picking: rows as `marts.pick_lines` gives them."""

from datetime import UTC, datetime, timedelta

from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import VERSION_TABLE
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.sending.emission import emit

MORNING = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def pick_row(number=0, order="K1", line="1", **changes):
    """A pickable line; `number` makes its barcode unique, so that the fake's ledger can tell lines apart."""
    row = {
        "pick_id": f"kibo:acme:{order}:{line}",
        "source": "kibo",
        "account": "acme",
        "order_id": order,
        "order_number": order,
        "order_day": MORNING.date(),
        "ordered_at": MORNING + timedelta(seconds=number),
        "ordered_on": None,
        "ship_by_at": None,
        "is_express": None,
        "line_id": line,
        "shipment_id": None,
        "floor": "main",
        "sku": f"SKU-{number}",
        "barcode": f"52{number:010d}",
        "bin_location": "A-01",
        "further_bins": None,
        "warehouse": "MAIN",
        "product_name": "Brass kettle",
        "quantity": 2,
        "customer_name": "Ada Lovelace",
        "ship_to": None,
        "marketplace_order_id": None,
        "hold_reason": None,
        "hold_detail": None,
        "hold_scope": None,
    }
    return row | changes


def order_rows(orders, lines_each=2):
    """`orders` orders with `lines_each` lines, oldest first."""
    return [
        pick_row(order * lines_each + line, order=f"K{order:04d}", line=str(line + 1))
        for order in range(orders)
        for line in range(lines_each)
    ]


def emit_rows(settings, store, rows, *, run_id, snapshot_id=None, upstream=(), quarantined=(), **more):
    """An emission of rows at hand."""
    picks = PickList(rows=rows, snapshot_id=snapshot_id, upstream=upstream, quarantined_orders=frozenset(quarantined))
    return emit(settings, store, lambda: picks, run_id=run_id, **more)


def states(store: OperationsStore):
    """pick_id -> state of every line of the outbox."""
    with store.reading() as connection:
        return {line.pick_id: line.state.value for line in outbox.load_lines(connection)}


def line_of(store: OperationsStore, pick_id):
    """One line of the outbox."""
    with store.reading() as connection:
        line = outbox.load_line(connection, pick_id)
    assert line is not None, f"{pick_id} is not in the outbox"
    return line


def without_floors(store: OperationsStore):
    """Make the store what it was before there were several floors, and versions of stores."""
    with store.writing() as connection:
        connection.exec_driver_sql("DROP INDEX pick_outbox_by_sending")
        for table, column in (("pick_outbox", "floor"), ("pick_outbox", "seen_floor"), ("pick_tasks", "floor")):
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
