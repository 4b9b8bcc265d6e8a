"""One running sandbox for the tests of this folder, as new for each of them."""

import httpx
import pytest

from order_pipeline.sandbox.server import SandboxServer


@pytest.fixture(scope="session")
def running_sandbox():
    with SandboxServer(orders=5, days=2) as server:
        yield server


@pytest.fixture
def sandbox(running_sandbox):
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture(scope="session")
def connection(running_sandbox):
    with httpx.Client(base_url=running_sandbox.url, timeout=5) as http:
        yield http


@pytest.fixture
def client(sandbox, connection):
    return connection
