"""A long fetch says in the run's log how far it has come, and how long it will take."""

from order_pipeline.channels.base import SoFar
from order_pipeline.orchestration.fetch_progress import FetchProgress
from order_pipeline.warehouse.raw.ingest_result import Counts, IngestResult


def fetched(so_far, records=0):
    """What one reading has brought."""
    result = IngestResult("kibo", "run", so_far=so_far)
    result.count("orders", Counts(new_versions=records))
    return result


def days(done):
    """The first days of ten: 100 records and 3 calls a day."""
    return fetched(SoFar(3 * done, done, 10, "days"), 100 * done)


def told(writes):
    """The lines of a fetch whose writes came at these seconds, all of them of one reading."""
    seconds, lines = [0.0], list[str]()
    progress = FetchProgress(lines.append, lambda: seconds[0])
    reading = IngestResult("kibo", "run")
    for at, so_far in writes:
        seconds[0] = at
        reading.resources, reading.so_far = so_far.resources, so_far.so_far
        progress(reading)
    return lines


def test_a_line_has_records_calls_days_and_the_time_that_is_left():
    assert told([(100.0, days(2))]) == ["so far 200 records in 6 calls; 2 of 10 days, about 7 min left"]


def test_a_line_comes_every_half_minute_at_most():
    assert len(told([(second, days(1)) for second in range(0, 100, 5)])) == 3


def test_a_short_fetch_says_nothing():
    assert told([(5.0, days(4)), (9.0, days(10))]) == []


def test_before_the_first_day_is_done_no_end_is_guessed():
    assert told([(40.0, days(0))]) == ["so far 0 records in 0 calls; 0 of 10 days"]


def test_where_nobody_knows_how_much_is_to_come_the_calls_are_told():
    assert told([(40.0, fetched(SoFar(420), 300))]) == ["so far 300 records in 420 calls"]


def test_the_time_of_a_second_reading_counts_from_its_own_beginning():
    seconds, lines = [0.0], list[str]()
    progress = FetchProgress(lines.append, lambda: seconds[0])
    for at, reading in ((1000.0, fetched(SoFar(9))), (1100.0, fetched(SoFar(5, 10, 30, "orders"), 10))):
        seconds[0] = at
        progress(reading)
    assert lines[-1] == "so far 10 records in 5 calls; 10 of 30 orders, about 3 min left"
