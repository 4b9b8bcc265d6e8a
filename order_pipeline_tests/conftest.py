"""What tests of several rooms share: a small demo that has run once, a PostgreSQL server, and an S3 server."""

import os
import tempfile

import pytest

from order_pipeline_tests.object_store import new_bucket
from order_pipeline_tests.postgres import new_postgres_database, postgres_url
from order_pipeline_tests.samples import mark_unsampled
from order_pipeline_tests.shared_demo import make_demo, run_command

# What this machine remembers of installations (`operations.installation_note`) must not outlive the tests, nor meet a
# person's own. Child processes inherit it.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="order-pipeline-tests-")

__all__ = ["new_bucket", "new_postgres_database", "postgres_url"]


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The data directory of a demo that has run once."""
    return make_demo(tmp_path_factory)


@pytest.fixture(scope="session")
def command(demo):
    """Call a command on the shared demo's data directory."""
    return lambda *arguments: run_command(demo, *arguments)


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marks
def pytest_collection_modifyitems(items):
    mark_unsampled(items)
