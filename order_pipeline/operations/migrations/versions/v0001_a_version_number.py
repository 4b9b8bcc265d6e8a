"""The tables as they were on 2026-11-29, when stores got a version. A store from before has them all, or gets them."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: missing tables are made from their declaration."""
