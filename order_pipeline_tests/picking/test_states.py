"""The table of transitions itself: what can never happen."""

import itertools

import pytest

from order_pipeline.picking.outbox.states import (
    NOT_ON_THE_FLOOR,
    ON_THE_FLOOR,
    PERHAPS_ON_THE_FLOOR,
    TRANSITIONS,
    Actor,
    ForbiddenTransitionError,
    PickState,
    check_transition,
)


def reachable(start, without_people):
    found, frontier = set(), [start]
    while frontier:
        here = frontier.pop()
        for (before, after), actors in TRANSITIONS.items():
            if before is here and after not in found and (not without_people or actors != {Actor.PERSON}):
                found.add(after)
                frontier.append(after)
    return found


@pytest.mark.parametrize("state", sorted(ON_THE_FLOOR | {PickState.IN_DOUBT}))
def test_no_way_leads_back_to_sending_without_a_person(state):
    assert PickState.SENDING not in reachable(state, without_people=True)


@pytest.mark.parametrize("state", sorted(ON_THE_FLOOR))
def test_nothing_on_the_floor_is_ever_sent_again_not_even_by_a_person(state):
    assert PickState.SENDING not in reachable(state, without_people=False)


def test_sending_starts_from_planned_only():
    assert [before for before, after in TRANSITIONS if after is PickState.SENDING] == [PickState.PLANNED]


def test_every_state_is_reachable_and_in_exactly_one_place():
    assert reachable(None, without_people=False) == set(PickState)
    places = [ON_THE_FLOOR, PERHAPS_ON_THE_FLOOR, NOT_ON_THE_FLOOR]
    assert set().union(*places) == set(PickState)
    assert not any(one & other for one, other in itertools.combinations(places, 2))


def test_what_the_table_lacks_is_forbidden():
    allowed = {(before, after, actor) for (before, after), actors in TRANSITIONS.items() for actor in actors}
    for before, after, actor in itertools.product([None, *PickState], PickState, Actor):
        if (before, after, actor) in allowed:
            check_transition(before, after, actor)
        else:
            with pytest.raises(ForbiddenTransitionError, match="Nothing was changed"):
                check_transition(before, after, actor)
