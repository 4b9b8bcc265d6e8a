"""One file a version of the operations store, `v0002_<what it brings>.py`. Alembic reads them in order."""
