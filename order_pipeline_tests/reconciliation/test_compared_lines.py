"""Comparisons of lines at hand: picks, the copy of the outbox, and the floor. One case for each reason."""

from datetime import UTC, date, datetime, timedelta

import pytest

from order_pipeline.reconciliation.floor_readings import reconcile_floor
from order_pipeline.reconciliation.outbox_lines import OutboxLine
from order_pipeline.reconciliation.pick_candidates import reconcile_picks
from order_pipeline.reconciliation.published_lines import PublishedLine, reconcile_copy

DAY = date(2026, 3, 20)
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def line(number=1, **changes):
    values = {"source": "kibo", "floor": "main", "state": "sent", "reason": None, "updated_at": NOON}
    return OutboxLine(pick_id=f"kibo:acme:K{number}:1", **{**values, **changes})


def by_id(*lines):
    return {each.pick_id: each for each in lines}


def found(result):
    return [(each.key, str(each.reason)) for each in result.differences]


def candidate(number=1, *, is_listed=True, is_left_out=False, built_at=NOON):
    return f"kibo:acme:K{number}:1", "kibo", DAY, is_listed, is_left_out, built_at


@pytest.mark.parametrize(
    ("candidates", "outbox", "reasons"),
    [
        ([candidate()], [line()], []),
        ([candidate()], [line(state="held", reason="no_barcode")], []),
        ([candidate()], [line(state="held")], ["held_without_reason"]),
        ([candidate()], [], ["not_in_outbox"]),
        ([candidate(is_listed=False, is_left_out=True)], [], []),
        ([candidate(is_listed=False)], [], ["not_on_list"]),
    ],
)
def test_a_candidate_is_in_the_outbox_or_left_out_by_policy(candidates, outbox, reasons):
    result = reconcile_picks(candidates, by_id(*outbox), (), planned_at=NOON + HOUR)
    assert [reason for _, reason in found(result)] == reasons
    assert (result.checked, result.waiting) == (1, 0)


@pytest.mark.parametrize("planned_at", [None, NOON - HOUR])
def test_a_line_that_no_emission_could_read_yet_waits(planned_at):
    result = reconcile_picks([candidate()], {}, (), planned_at)
    assert (found(result), result.waiting) == ([], 1)


def test_each_lost_pick_names_the_command_that_heals_it():
    candidates = [candidate(1), candidate(2, is_listed=False), candidate(3)]
    new, unlisted, lost = reconcile_picks(candidates, {}, {"kibo:acme:K3:1"}, NOON + HOUR).differences
    assert new.heal == "order-pipeline run --source kibo --from 2026-03-20 --to 2026-03-20"
    assert unlisted.heal == "order-pipeline trace K2"
    assert lost.heal == "order-pipeline outbox rebuild", "it may have been sent: to plan it anew would send it twice"


def copy_of(original, **changes):
    names = ("pick_id", "source", "floor", "state", "reason")
    return PublishedLine(**{name: getattr(original, name) for name in names} | changes)


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        ({"state": "planned"}, ["published_otherwise"]),
        ({"reason": "withdrawn"}, ["published_otherwise"]),
        ({"floor": "north"}, ["published_otherwise"]),
    ],
)
def test_the_copy_has_the_state_the_reason_and_the_floor_of_the_outbox(changes, reasons):
    result = reconcile_copy(by_id(line()), by_id(copy_of(line(), **changes)), NOON)
    assert [reason for _, reason in found(result)] == reasons


def test_a_line_that_only_one_of_them_has_is_a_difference_with_its_command():
    result = reconcile_copy(by_id(line(1)), by_id(copy_of(line(2))), NOON)
    assert found(result) == [("kibo:acme:K1:1", "not_published"), ("kibo:acme:K2:1", "only_published")]
    assert [each.heal for each in result.differences] == [
        "order-pipeline outbox publish",
        "order-pipeline outbox rebuild",
    ]


@pytest.mark.parametrize("until", [None, NOON - timedelta(seconds=1)])
def test_a_line_that_moved_after_the_last_copy_waits_for_the_next(until):
    result = reconcile_copy(by_id(line()), {}, until)
    assert (found(result), result.waiting) == ([], 1)


def accepted(number, *, read=None, matches=True, again=None, **changes):
    """A line that was sent `number` minutes after noon, and found by the read-back so many hours later, if at all."""
    seen = {}
    if read is not None:
        seen = {"matches": matches, "first_read_at": NOON + read * HOUR, "read_at": NOON + (again or read) * HOUR}
    return line(number, sent_at=NOON + timedelta(minutes=number), fulfilment_id=str(number), **seen, **changes)


@pytest.mark.parametrize(
    ("lines", "reasons"),
    [
        ([accepted(1, read=1), accepted(2, read=1)], []),
        ([accepted(1), accepted(2, read=1, again=2)], ["unknown_to_floor"]),
        ([accepted(1, read=1, matches=False), accepted(2, read=1)], ["other_order_there"]),
    ],
)
def test_an_accepted_line_is_known_by_the_floor(lines, reasons):
    assert [reason for _, reason in found(reconcile_floor(lines))] == reasons


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([accepted(1), accepted(2, read=1)], id="one run alone has asked for it: the call may have failed"),
        pytest.param([accepted(1, read=1, again=2), accepted(2)], id="it was sent last: nobody has asked yet"),
        pytest.param([accepted(1), accepted(2, read=1, again=2, floor="north")], id="the later line is elsewhere"),
        pytest.param([accepted(1), accepted(2, read=1, again=2, matches=False)], id="the numbers are no proof there"),
    ],
)
def test_where_the_read_back_cannot_tell_there_is_no_difference(lines):
    result = reconcile_floor(lines)
    assert found(result) == []
    assert result.waiting >= 1


@pytest.mark.parametrize("reason", ["withdrawn", "confirmed"])
def test_what_a_person_has_said_of_a_line_is_left_to_it(reason):
    state = "cancelled_after_send" if reason == "withdrawn" else "resolved_sent"
    lines = [accepted(1, state=state, reason=reason), accepted(2, read=1, again=2)]
    assert found(reconcile_floor(lines)) == []
