import pytest

from order_pipeline.alert_settings import AlertSettings
from order_pipeline.operations import incidents
from order_pipeline.operations.store import OperationsStore
from order_pipeline_tests.alerts.receivers import running_mailbox, running_webhook
from order_pipeline_tests.operations.test_leases import HandClock
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

assert incidents.incidents.metadata.tables  # the tables are made with the others


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def settings(tmp_path):
    """No threshold but those of the defaults, and an incident is over at once."""
    settings = settings_in(tmp_path)
    settings.alerts = AlertSettings(quiet_minutes=0, disk_free_gigabytes=0)
    return settings


@pytest.fixture
def store(settings, clock):
    store = OperationsStore(settings.resolved_operations_url, clock=clock)
    store.create_all()
    yield store
    store.close()


@pytest.fixture
def webhook():
    with running_webhook() as webhook:
        yield webhook


@pytest.fixture
def mailbox():
    with running_mailbox() as mailbox:
        yield mailbox
