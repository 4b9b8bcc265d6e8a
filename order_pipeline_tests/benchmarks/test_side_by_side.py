"""The benchmark's accounts: what it calls lost, twice or in doubt, whom it gives a time, what its page keeps."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.emission_steps import barcode, pick_id, pick_rows
from benchmarks.measuring import Measured
from benchmarks.side_by_side.emitters import Outcome, lines_in_doubt, outcome
from benchmarks.side_by_side.in_turn import NotTheSameError, findings, take_in_turn
from benchmarks.side_by_side.kills import Recovery, TooQuickError, kill_one, moments, outcome_cells, recovery_cells
from benchmarks.side_by_side.page import markdown, write_page
from benchmarks.side_by_side.parts import PARTS, Options
from benchmarks.side_by_side.sections import NAME, Findings, Section, read_sections, store_section
from benchmarks.side_by_side.tools import contents_of, in_file
from benchmarks.side_by_side.truth import Contents, Difference, compare

ORDERS = [(1, "Montr&eacute;al", "12.50"), (2, "Oslo", 7)]
ITEMS = [(1, "A", 2), (1, "A", 2), (2, "B", 1)]
WHOLE = contents_of(ORDERS, ITEMS)


def measured(seconds: float) -> Measured:
    return Measured("tool", seconds, process_seconds=seconds + 2, processor_seconds=seconds, peak_megabytes=100)


def section(**changes: object) -> Section:
    found = Findings(("tool", "median s"), [["ours", "1.00"], ["theirs", "2.00"]], "ours", {"ours": 1.0, "theirs": 2.0})
    made = Section(
        about="All orders.",
        started="2026-11-30T01:00:00+00:00",
        ended="2026-11-30T01:06:00+00:00",
        load=[0.2, 2.1],
        machine="2 cores",
        versions="Python 3.11",
        findings=found,
    )
    return replace(made, **changes)  # pyright: ignore[reportArgumentType]


def test_the_same_rows_however_a_tool_writes_an_amount_or_a_letter_are_whole():
    there = contents_of([(2, "Oslo", 7.0), ("1", "Montréal", 12.5)], ITEMS)
    assert compare(WHOLE, there) == Difference()
    assert not compare(WHOLE, there)


@pytest.mark.parametrize(
    ("orders", "items", "difference"),
    [
        (ORDERS[:1], ITEMS, Difference(lost=1)),
        ([*ORDERS, ORDERS[0]], ITEMS, Difference(twice=1)),
        ([ORDERS[0], (2, "Bergen", 7)], ITEMS, Difference(changed=1)),
        ([*ORDERS, (3, "Oslo", 1)], ITEMS, Difference(changed=1)),
        ([*ORDERS, (2, "Bergen", 7)], ITEMS, Difference(twice=1)),
        (ORDERS, ITEMS[1:], Difference(lost=1)),
        (ORDERS, [*ITEMS, ITEMS[2]], Difference(twice=1)),
        (ORDERS, [*ITEMS[:2], (2, "B", 5)], Difference(lost=1, twice=1)),
        ([], [], Difference(lost=5)),
    ],
)
def test_rows_that_are_lost_twice_or_changed_are_counted(orders: list, items: list, difference: Difference):
    assert compare(WHOLE, contents_of(orders, items)) == difference


def test_an_order_that_the_workload_changed_must_have_arrived():
    wanted = WHOLE.with_changed_city([2])
    assert compare(wanted, WHOLE) == Difference(changed=1)
    assert compare(wanted, wanted) == Difference()


def test_a_file_that_a_killed_tool_never_made_holds_nothing(tmp_path: Path):
    assert in_file("none.duckdb", "SELECT 1", "SELECT 1")(tmp_path) == Contents()


def test_a_line_that_nobody_has_and_nobody_is_told_of_is_lost():
    accepted = Counter({barcode(0): 1, barcode(1): 3})
    assert outcome(accepted, {pick_id(1), pick_id(2)}, lines=4) == Outcome(accepted=2, twice=2, lost=1, in_doubt=2)


def test_a_line_is_known_by_one_key_and_one_barcode():
    rows = pick_rows(9)
    assert [row["pick_id"] for row in rows] == [pick_id(number) for number in range(9)]
    assert [row["barcode"] for row in rows] == [barcode(number) for number in range(9)]


def test_an_emitter_without_a_store_shows_nobody_a_line(tmp_path: Path):
    assert lines_in_doubt(tmp_path) == set()


def test_tools_run_in_turn_and_the_first_run_is_not_timed():
    asked: list[str] = []

    def run(name: str, seconds: float) -> Measured:
        asked.append(name)
        return measured(seconds)

    taken = take_in_turn("part", {"ours": lambda: run("ours", 1), "theirs": lambda: run("theirs", 3)}, runs=2)
    assert asked == ["ours", "theirs"] * 3
    found = findings(taken, {"ours": "all", "theirs": "some"}, "ours")
    assert found.medians == {"ours": 1, "theirs": 3}
    assert [row[4] for row in found.rows] == ["1.00", "3.00"]


def test_a_tool_that_left_something_else_has_no_time_and_is_not_asked_again():
    asked = itertools.count()

    def run() -> Measured:
        if next(asked) == 1:
            raise NotTheSameError("1 rows lost")
        return measured(1)

    taken = take_in_turn("part", {"theirs": run}, runs=3)
    assert next(asked) == 2
    found = findings(taken, {"theirs": "some"}, "ours")
    assert (found.medians, found.failures) == ({}, ["theirs: no time: 1 rows lost"])
    assert "no time: 1 rows lost" in found.rows[0]


def test_the_first_run_of_a_slow_tool_is_its_only_one():
    taken = take_in_turn("part", {"theirs": lambda: measured(61), "ours": lambda: measured(1)}, runs=2)
    assert {name: len(each.runs) for name, each in taken.items()} == {"theirs": 1, "ours": 2}


def test_the_moments_of_kills_are_those_of_the_seed_and_lie_in_the_work():
    first, again, other = ([*itertools.islice(moments("tool", seed, measured(10)), 50)] for seed in (1, 1, 2))
    assert first == again != other
    assert all(2 <= moment <= 12 for moment in first)


def test_a_run_that_ended_before_its_moment_is_not_counted_as_killed(tmp_path: Path):
    commands = iter([["-c", "pass"], ["-c", "import threading; threading.Event().wait()"]])
    directory, _ = kill_one(iter([30.0, 0.0]), tmp_path, lambda _: next(commands))
    assert directory == tmp_path / "1"


def test_a_tool_that_always_ends_before_it_can_be_killed_is_said_to_be_too_quick(tmp_path: Path):
    with pytest.raises(TooQuickError, match="5 runs in turn ended"):
        kill_one(itertools.repeat(30.0), tmp_path, lambda _: ["-S", "-c", "pass"])


def test_kills_are_summed_by_tool():
    recoveries = [
        Recovery(Difference(), False, 1),
        Recovery(Difference(3, 2, 1), True, 2),
        Recovery(Difference(1), True, None),
    ]
    assert recovery_cells(recoveries) == ["3", "2", "1", "4", "2", "1", "2", "1"]
    assert outcome_cells([Outcome(9, twice=4), Outcome(9, in_doubt=2)], [5, 7]) == ["2", "5 to 7", "4", "0", "2", "1"]


def test_a_part_that_is_measured_later_leaves_the_others_as_they_were(tmp_path: Path):
    store_section(tmp_path, "cold", section())
    store_section(tmp_path, "kills", section(about="Killed."))
    store_section(tmp_path, "cold", section(about="Anew."))
    assert {name: each.about for name, each in read_sections(tmp_path).items()} == {"cold": "Anew.", "kills": "Killed."}
    assert read_sections(tmp_path)["cold"].findings.medians == {"ours": 1.0, "theirs": 2.0}


def test_the_page_has_each_part_in_order_with_its_date_load_and_other_machine(tmp_path: Path):
    later = section(ended="2026-11-30T02:00:00+00:00", machine="4 cores")
    write_page(tmp_path, {"gone": section(), "kills": later, "cold": section()}, ["cold", "kills"])
    page = (tmp_path / f"{NAME}.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## cold", "## kills"]
    assert "2026-11-30 01:00 UTC, 6 minutes; load average 0.2 at the start, 2.1 at the end" in page
    assert page.count("Machine: 4 cores") == page.count("Machine: 2 cores") == 1
    assert "theirs" in (tmp_path / f"{NAME}_1.svg").read_text()
    assert "| theirs | 2.00 |" in markdown({"cold": section()})


def test_every_part_has_a_name_of_its_own_and_says_its_volume():
    assert len({part.name for part in PARTS}) == len(PARTS)
    assert [part.name for part in PARTS if not any(letter.isdigit() for letter in part.about(Options()))] == []
