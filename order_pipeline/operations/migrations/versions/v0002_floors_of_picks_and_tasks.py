"""Several ScanOrders accounts: what was planned before belongs to the one that there was."""

from sqlalchemy import Column, Text

from order_pipeline.operations.migrations.additions import add_column

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the floor of a line, and of a task."""
    add_column("pick_outbox", Column("floor", Text, nullable=False, server_default="main"))
    add_column("pick_outbox", Column("seen_floor", Text))
    add_column("pick_tasks", Column("floor", Text))
