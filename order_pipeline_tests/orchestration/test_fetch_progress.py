"""A long fetch says in the run's log how far it has come, and how long it will take."""

from datetime import UTC, date, datetime, timedelta

from order_pipeline.channels.base import FetchReport, Window
from order_pipeline.orchestration.fetch_progress import FetchProgress
from order_pipeline.warehouse.raw.ingest_result import Counts, IngestResult

WINDOW = Window(date(2026, 1, 1), date(2026, 1, 11))


def fetched(days):
    """What was written once the first days are there: 100 records and 3 calls a day."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    result = IngestResult("kibo", "run")
    for day in range(days):
        at = start + timedelta(days=day)
        result.reports.append(FetchReport("orders", at, at + timedelta(days=1), 1, 100, 100, complete=True, calls=3))
        result.count("orders", Counts(new_versions=100))
    return result


def told(writes):
    """The lines of a fetch whose writes came at these seconds, with these days done."""
    seconds, lines = [0.0], list[str]()
    progress = FetchProgress(WINDOW, lines.append, lambda: seconds[0])
    for at, days in writes:
        seconds[0] = at
        progress(fetched(days))
    return lines


def test_a_line_has_records_calls_days_and_the_time_that_is_left():
    assert told([(100.0, 2)]) == ["so far 200 records in 6 calls; 2 of 10 days, about 7 min left"]


def test_a_line_comes_every_half_minute_at_most():
    assert len(told([(second, 1) for second in range(0, 100, 5)])) == 3


def test_a_short_fetch_says_nothing():
    assert told([(5.0, 4), (9.0, 10)]) == []


def test_before_the_first_day_is_done_no_end_is_guessed():
    assert told([(40.0, 0)]) == ["so far 0 records in 0 calls; 0 of 10 days"]
