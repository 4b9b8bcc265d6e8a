import pytest

from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline.operations.store import OperationsStore
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.settings import Settings


@pytest.fixture(scope="package")
def running_sandbox():
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as server:
        yield server


@pytest.fixture
def sandbox(running_sandbox):
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def settings(tmp_path, sandbox):
    """Sending for real, to the fake on loopback, with waits too short to notice."""
    return Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data_dir=tmp_path,
        scanorders=ScanOrdersSettings(
            base_url=sandbox.channel_url("scanorders"),
            access_token=sandbox.channels["scanorders"].issue_token(),
            send=True,
            rate=RateSettings(max_in_flight=4, backoff_cap_seconds=0.001, read_timeout_seconds=5.0),
        ),
    )


@pytest.fixture
def store(settings):
    store = OperationsStore(settings.resolved_operations_url)
    store.create_all()
    yield store
    store.close()
