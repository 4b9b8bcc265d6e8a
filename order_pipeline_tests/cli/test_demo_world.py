"""The demo's days end yesterday, and its fakes go on beside the UI."""

from datetime import UTC, date, datetime, timedelta

from order_pipeline.cli.demo import claim_directory
from order_pipeline.cli.demo_world import DemoWorld, remembered_world
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.skroutz.fake import SkroutzChannel
from order_pipeline.settings import Settings

NOON = datetime(2026, 6, 3, 12, tzinfo=UTC)


def world(today):
    return DemoWorld(days=7, orders=5, seed=7, port=1, today=today)


def test_a_new_demo_has_the_days_up_to_yesterday_and_keeps_them(tmp_path):
    settings = Settings(data_dir=tmp_path)
    made = claim_directory(settings, 7, 5, 7, date(2026, 6, 3))
    assert (made.window.days[0], made.window.days[-1]) == (date(2026, 5, 27), date(2026, 6, 2))
    assert claim_directory(settings, 7, 5, 7, date(2026, 6, 4)) == made == remembered_world(settings)


def test_the_ui_brings_a_young_demo_to_life_and_leaves_an_old_one_alone():
    assert world(date(2026, 6, 1)).brought_to_life(NOON).lives
    assert not world(date(2026, 1, 15)).brought_to_life(NOON).lives


def test_a_living_fake_has_orders_of_today_and_a_still_one_has_none():
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    for real_time in (False, True):
        server = SandboxServer(orders=5, days=1, today=yesterday, channels=["skroutz"], real_time=real_time)
        book = server.channel(SkroutzChannel).book
        book.settle()
        assert any(event.happened_at > server.clock.start for event in book.due) is real_time
