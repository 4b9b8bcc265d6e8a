"""The migrations of the operations store, run by Alembic; how one is written is in CONTRIBUTING.md."""
