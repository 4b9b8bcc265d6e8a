"""What the floor picks of ScanSource's orders: what is committed, and which goods are a pick of their own."""

import pytest

from order_pipeline_tests.warehouse.scansource_staging import ORDER_ID, Records, detail, line, stage


def lot(number, committed, shipped, ordered=5):
    rest = ordered - committed - shipped
    return line(number, Ordered=ordered, Committed=committed, Shipped=shipped, BackOrdered=rest)


def rows_after(*lines, status="Partially Shipped"):
    """The candidates that are picks, after these versions of the order's one line."""
    records = Records()
    for version in lines:
        records.add_order(detail(version, Status=status))
    details = records.rows["order_details"]
    records.rows["order_details"] = details[-1:]
    tables = ("orders", "order_lines", "shipments", "shipment_lines")
    rows = stage(records, *tables, mart="pick_candidates__scansource")["pick_candidates__scansource"]
    return [row for row in rows if row["pick_id"]]


def picks_after(*lines, status="Partially Shipped"):
    """Pick ids without the line's own part, and quantities."""
    rows = rows_after(*lines, status=status)
    return {row["pick_id"].removeprefix(f"{ORDER_ID}:10"): row["quantity"] for row in rows}


@pytest.mark.parametrize(
    ("status", "holds"),
    [
        ("Open", [None]),
        ("Partially Shipped", [None]),
        ("On Hold", []),
        ("Quotation/Sales", []),
        ("Completely Shipped", ["contradictory_levels"]),
        ("Cancelled", ["contradictory_levels"]),
        ("Something New", ["unknown_status"]),
    ],
)
def test_the_policy_picks_what_is_committed_on_open_and_partially_shipped_orders(status, holds):
    assert [row["hold_reason"] for row in rows_after(lot(10, committed=3, shipped=0), status=status)] == holds


def test_a_line_with_nothing_committed_is_not_picked():
    assert picks_after(lot(10, committed=0, shipped=2)) == {}


def test_goods_committed_after_all_earlier_ones_had_left_are_a_pick_of_their_own():
    assert picks_after(lot(10, 3, 0), lot(10, 0, 3), lot(10, 2, 3)) == {":after-3": 2}
    versions = [lot(10, 1, 0), lot(10, 0, 1), lot(10, 2, 1), lot(10, 0, 3), lot(10, 2, 3)]
    assert picks_after(*versions) == {":after-3": 2}


@pytest.mark.parametrize(
    "versions",
    [
        [lot(10, 3, 0), lot(10, 1, 2)],  # a part has left: the rest belongs to the pick already made
        [lot(10, 3, 0), lot(10, 5, 0)],  # more was allocated before anything left: a person must look
        [lot(10, 3, 0), lot(10, 0, 0), lot(10, 3, 0)],  # given back and allocated again
        [lot(10, 3, 0), lot(10, 0, 2), lot(10, 1, 2)],  # one piece was given back while two left
    ],
)
def test_while_goods_of_a_lot_are_here_the_pick_keeps_its_identity(versions):
    assert list(picks_after(*versions)) == [""]
