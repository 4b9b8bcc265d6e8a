"""What the crew does when: after what it waits for, one of a lane at a time, the earliest turn first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from order_pipeline.warehouse.core.crew import Crew, results_of
from order_pipeline.warehouse.lake.connection import Connection, Lake, looking_in

SECONDS = 30


class Door:
    """Work that ends only when it is let."""

    def __init__(self) -> None:
        self.begun, self._open = threading.Event(), threading.Event()

    def __call__(self, _connection: Connection) -> None:
        self.begun.set()
        assert self._open.wait(SECONDS)

    def open(self) -> None:
        self._open.set()


def noting(notes: list[str], text: str) -> Callable[[Connection], None]:
    return lambda _connection: notes.append(text)


def test_work_begins_when_all_that_it_comes_after_is_done_and_holds_no_thread_till_then(lake: Lake) -> None:
    notes, first, second = list[str](), Door(), Door()
    with Crew(lake, 2) as crew:
        before = [crew.submit(first), crew.submit(second)]
        last = crew.submit(noting(notes, "after both"), after=before)
        first.open()
        before[0].result(SECONDS)
        crew.submit(noting(notes, "free thread")).result(SECONDS)
        assert (notes, last.done()) == (["free thread"], False)
        second.open()
        last.result(SECONDS)
    assert notes == ["free thread", "after both"]


def test_of_a_lane_one_is_done_at_a_time_in_the_order_given(lake: Lake) -> None:
    notes, door = list[str](), Door()
    with Crew(lake, 2) as crew:
        crew.submit(door, lane="payloads")
        others = [crew.submit(noting(notes, text), lane="payloads") for text in ("second", "third")]
        assert door.begun.wait(SECONDS)
        crew.submit(noting(notes, "no lane")).result(SECONDS)
        assert notes == ["no lane"]
        door.open()
        results_of(others)
    assert notes == ["no lane", "second", "third"]


def test_a_failure_in_a_lane_is_not_the_next_ones(lake: Lake) -> None:
    notes = list[str]()
    with Crew(lake, 2) as crew:
        crew.submit(lambda connection: connection.execute("SELECT * FROM no_such_table"), lane="payloads")
        crew.submit(noting(notes, "second"), lane="payloads").result(SECONDS)
    assert notes == ["second"]


def test_the_earliest_turn_goes_first_whenever_it_was_given(lake: Lake) -> None:
    notes, door = list[str](), Door()
    with Crew(lake, 1) as crew:
        crew.submit(door)
        assert door.begun.wait(SECONDS)
        for turn in (2, 1, 2, 0):
            crew.submit(noting(notes, f"turn {turn}"), turn=turn)
        door.open()
    assert notes == ["turn 0", "turn 1", "turn 2", "turn 2"]


def test_what_comes_after_a_failure_fails_with_its_error_and_the_rest_is_done(lake: Lake) -> None:
    notes = list[str]()
    with Crew(lake, 2) as crew:
        failed: Future[object] = crew.submit(lambda connection: connection.execute("SELECT * FROM no_such_table"))
        after = crew.submit(noting(notes, "never"), after=[failed])
        other = crew.submit(noting(notes, "other"))
        with pytest.raises(Exception, match="no_such_table"):
            results_of([after, other])
        assert other.done()
    assert notes == ["other"]


def test_the_crew_looks_in_memory_and_can_look_in_the_lake(lake: Lake) -> None:
    def catalogs(connection: Connection) -> list[object]:
        asked = "SELECT current_catalog()"
        with looking_in(connection, "lake"):
            inside = connection.execute(asked).fetchall()
        return [*inside, *connection.execute(asked).fetchall()]

    with Crew(lake, 1) as crew:
        assert crew.submit(catalogs).result(SECONDS) == [("lake",), ("memory",)]
