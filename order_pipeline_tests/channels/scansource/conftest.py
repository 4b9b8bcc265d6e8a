"""One running fake ScanSource for the tests of this folder, as new for each test; its clock only goes forward."""

import pytest

from order_pipeline.channels.base import Window
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline.sandbox.scansource.fake import CUSTOMER_NUMBER
from order_pipeline.sandbox.scansource.gate import CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION_KEY
from order_pipeline.sandbox.server import SandboxServer


def settings_for(server: SandboxServer, **changes: object) -> ScanSourceSettings:
    """Settings that reach the fake; `changes` win."""
    url = server.channel_url("scansource")
    values = {
        "preset": "sandbox",
        "base_url": url if changes.get("generation") != "legacy" else f"{url}/api",
        "token_url": f"{url}/login/oauth2/v2.0/token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "subscription_key": SUBSCRIPTION_KEY,
        "customer_numbers": [CUSTOMER_NUMBER],
        "rate": RateSettings(max_in_flight=8, backoff_cap_seconds=0.05, attempts=3),
    }
    return ScanSourceSettings.model_validate(values | changes)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def running_distributor():
    with SandboxServer(orders=14, days=2, channels=["scansource"]) as server:
        yield server


@pytest.fixture
def distributor(running_distributor):
    running_distributor.reset()
    return running_distributor


@pytest.fixture
def books(distributor):
    return distributor.channels["scansource"].books


@pytest.fixture
def settings(distributor):
    return settings_for(distributor)


@pytest.fixture
def window(distributor):
    return Window(distributor.world.first_day, distributor.clock.today)
