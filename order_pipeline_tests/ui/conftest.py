"""Dagster's own webserver behind our gate, in this process, on an instance of its own without any definitions."""

import dagster as dg
import pytest
from starlette.testclient import TestClient

from order_pipeline.settings import Settings
from order_pipeline.ui.webserver import RoleAwareProcessContext, behind_gate, build_ui
from order_pipeline.ui_settings import UiSettings

OWN = {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with (
        dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance,
        RoleAwareProcessContext(instance, None, version="1") as context,
    ):
        yield context


@pytest.fixture
def limits(workspace):
    """The concurrency limits that the instance has: a mutation makes them, so they show whether one was run."""
    storage = workspace.instance.event_log_storage
    yield storage.get_concurrency_keys
    for key in storage.get_concurrency_keys():
        storage.delete_concurrency_limit(key)


@pytest.fixture(scope="module")
def dagster_ui(workspace):
    return build_ui(workspace)


@pytest.fixture
def browse(dagster_ui):
    """Makes a client of the UI with these settings, as a browser would address it."""

    def make(**ui):
        app = behind_gate(dagster_ui, Settings(ui=UiSettings(**ui)), "127.0.0.1")
        return TestClient(app, "http://127.0.0.1:3000", False, client=("127.0.0.1", 5000), follow_redirects=False)

    return make
