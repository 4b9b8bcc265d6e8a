"""An emission, and who looks for what moved, read the lines in question and not all that were ever sent."""

from sqlalchemy import text

from order_pipeline.operations.migrations.additions import add_index

revision = "0003"
down_revision = "0002"

# As `operations.tables.IS_SETTLED` was when the index was first made.
IS_SETTLED = """(CASE
    WHEN state IN ('sent', 'resolved_sent') AND upstream_status IN
        ('shipped', 'delivered', 'return_pending', 'returning', 'returned', 'partially_returned') THEN 1
    WHEN state = 'held' AND reason = 'no_longer_to_be_picked' THEN 1
    WHEN state = 'cancelled_after_send' AND reason = 'withdrawn' THEN 1
    ELSE 0
END)"""


def upgrade() -> None:
    """Add four indexes of the outbox, and one of the readings."""
    add_index("pick_outbox_by_order_id", "pick_outbox", ["order_id"])
    add_index("pick_outbox_by_change", "pick_outbox", ["updated_at"])
    add_index("pick_outbox_by_sending", "pick_outbox", ["floor", "sent_at"])
    add_index("pick_status_by_reading", "pick_status", ["read_at"])
    add_index("pick_outbox_by_settled", "pick_outbox", [text(IS_SETTLED)])
