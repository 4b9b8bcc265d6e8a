"""A disk that is nearly full is told once, and its end once. The threshold moves, for the disk is the machine's own."""

import psutil
import pytest
from pydantic import SecretStr

from order_pipeline.alerts.looks.disk import GIGABYTE, KINDS, find_disk_incident
from order_pipeline.alerts.messengers import messengers_of
from order_pipeline.alerts.watch import Look, watch


@pytest.fixture
def free(settings):
    """Gigabytes that are free where the data directory lies."""
    return psutil.disk_usage(str(settings.data_dir)).free / GIGABYTE


def test_less_room_than_the_setting_asks_for_is_an_incident_and_more_is_none(settings, free):
    settings.alerts.disk_free_gigabytes = free / 2
    assert list(find_disk_incident(settings)) == []
    settings.alerts.disk_free_gigabytes = free * 2
    (incident,) = find_disk_incident(settings)
    assert (incident.kind, incident.subject) == ("disk", str(settings.data_dir.resolve()))
    assert f" GB are free where {settings.data_dir.resolve()} lies" in incident.message
    assert "Make room" in incident.next_step


def test_a_data_directory_that_is_not_made_yet_has_no_incident(settings, free):
    settings.alerts.disk_free_gigabytes = free * 2
    settings.data_dir /= "later"
    assert list(find_disk_incident(settings)) == []


def test_a_full_disk_is_told_once_and_its_end_once(settings, store, webhook, free):
    settings.alerts.webhook_url = SecretStr(webhook.url)
    look = Look("the disk", KINDS, lambda: find_disk_incident(settings))
    for wanted in (free * 2, free * 3, free / 2, free / 2):
        settings.alerts.disk_free_gigabytes = wanted
        watch(settings, store, [look], messengers_of(settings))
    assert [text.split()[0] for text in webhook.texts] == ["ALERT", "OVER"]
    assert "GB are free where" in webhook.texts[0]
