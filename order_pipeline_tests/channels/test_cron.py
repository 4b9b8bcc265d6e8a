"""When a cron struck last, as Dagster itself counts; and what is no cron."""

from datetime import UTC, datetime
from itertools import islice

import pytest
from dagster._utils.schedules import reverse_cron_string_iterator

from order_pipeline.channels.cron import strikes_before, wrong_in_cron

NOW = datetime(2026, 3, 20, 12, 30, tzinfo=UTC)
CRONS = (
    *("30 * * * *", "*/15 * * * *", "5,35 8-18 * * *", "0 6 * * *", "0 */4 * * *", "0 22-23,1 * * *", "7 3/6 * * *"),
    *("0 6 * * 1-5", "0 6 * * 7", "0 6 * * 0", "0 0 1 * *", "0 0 31 1,3 *", "0 6 13 * 5", "0 12 29 2 *"),
)


@pytest.mark.parametrize("cron", CRONS)
def test_a_cron_struck_when_dagster_would_have_started_a_run(cron):
    assert wrong_in_cron(cron) is None
    ours = list(islice(strikes_before(cron, NOW), 3))
    theirs = reverse_cron_string_iterator(NOW.timestamp(), cron, "UTC")
    expected = [datetime.fromtimestamp(each.timestamp(), UTC) for each in islice(theirs, 3)]
    assert ours[: len(expected)] == expected[: len(ours)]


def test_the_moment_itself_counts():
    assert next(strikes_before("30 12 * * *", NOW)) == NOW


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "60 * * * *", "0 24 * * *", "0 6 * * mon", "*/0 * * * *", "5-3 * * * *"]
)
def test_what_is_no_cron_is_named(cron):
    assert wrong_in_cron(cron)
