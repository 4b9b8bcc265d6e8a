"""Old orders lose what is personal, where the channel has the setting; what arrives of them later is without it."""

from datetime import UTC, date, datetime

import pytest

from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.operations.store import OperationsStore
from order_pipeline.privacy.columns import personal_columns
from order_pipeline.privacy.needles import Needles
from order_pipeline.privacy.old_files import statistics_with
from order_pipeline.privacy.retention import erase_old_orders
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.forgetting import forget_statistics
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.privacy.people import EMAIL, STREET, order_of_person
from order_pipeline_tests.warehouse.kibo_orders import DAY, build, kibo_order, project, receive, rows

pytestmark = pytest.mark.costly

SIX_DAYS_LATER = datetime(2026, 1, 11, 3, 30, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path):
    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data_dir=tmp_path,
        witness_dir="none",
        kibo=KiboSettings(keep_personal_days=5),
    )
    lake = Lake(settings)
    migrate(lake)
    receive(lake, [order_of_person(1)])
    build(lake, DAY)
    yield lake
    lake.close()


def night(lake, now=SIX_DAYS_LATER, **settings):
    store = OperationsStore(lake.settings.resolved_operations_url)
    store.create_all()
    try:
        return erase_old_orders(lake.settings.model_copy(update=settings), store, lake, project(), now)
    finally:
        store.close()


def persons(lake):
    return rows(lake, "SELECT customer_email, total_amount > 0 FROM core.orders")


def test_an_order_is_erased_when_it_is_older_than_the_setting(lake):
    assert night(lake, datetime(2026, 1, 10, 23, tzinfo=UTC)).records == 0
    assert persons(lake) == [(EMAIL, True)]
    assert night(lake).records == 1
    assert persons(lake) == [("erased", True)]
    assert rows(lake, f"SELECT count(*) FROM raw.kibo_orders WHERE contains(payload, '{EMAIL}')") == [(0,)]


def test_the_next_night_finds_nothing_and_a_later_version_stays_without(lake):
    night(lake)
    assert night(lake).records == 0
    receive(lake, [order_of_person(1, total=99)], run_id="later")
    build(lake, DAY)
    assert persons(lake) == [("erased", True)]


def test_without_the_setting_nothing_is_erased(lake):
    assert night(lake, kibo=KiboSettings()).records == 0
    assert persons(lake) == [(EMAIL, True)]


def test_statistics_name_nobody_and_queries_answer_the_same(lake):
    needles = Needles.of([EMAIL, STREET])
    with lake.snapshot() as connection:
        columns = personal_columns(connection)
        assert statistics_with(connection, needles)
    lake.close()
    assert forget_statistics(lake, columns)
    assert forget_statistics(lake, columns) == 0
    with lake.snapshot() as connection:
        assert statistics_with(connection, needles) == 0
    assert rows(lake, f"SELECT count(*) FROM core.orders WHERE customer_email = '{EMAIL}'") == [(1,)]
    receive(lake, [order_of_person(2)], run_id="after")
    build(lake, DAY)
    assert rows(lake, f"SELECT count(*) FROM core.orders WHERE customer_email >= '{EMAIL}'") == [(2,)]


def test_rows_of_before_are_found_by_their_names_after_other_names_were_stored(lake):
    """Had the bounds only been taken away, the later rows' would count for all, and earlier ones would not be read."""
    lake.close()
    with lake.snapshot() as connection:
        columns = personal_columns(connection)
    forget_statistics(lake, columns)
    later = date(2026, 1, 6)
    receive(lake, [kibo_order(2, orderDate="2026-01-06T10:00:00+00:00")], run_id="after", day=later)
    build(lake, later)
    assert rows(lake, f"SELECT count(*) FROM core.orders WHERE customer_email = '{EMAIL}'") == [(1,)]
    assert rows(lake, f"SELECT count(*) FROM raw.kibo_orders WHERE payload > '' AND contains(payload, '{EMAIL}')") == [
        (1,)
    ]
