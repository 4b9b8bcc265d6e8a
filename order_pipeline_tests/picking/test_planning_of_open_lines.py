"""Planning reads the lines that can still change, and plans what it would plan from the whole outbox."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, text

from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import IS_SETTLED, pick_outbox
from order_pipeline.picking.outbox.open_lines import load_for_planning, load_open_lines
from order_pipeline.picking.outbox.states import CONFIRMED, NOT_ON_THE_FLOOR, WITHDRAWN, PickState
from order_pipeline.picking.outbox.store import next_wave
from order_pipeline.picking.planning.after_send import LEFT_THE_LIST, QUARANTINED
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.planning.plan import make_plan
from order_pipeline.picking.planning.upstream import (
    FOLLOWED_AFTER_LEAVING,
    LEFT_WHOLE,
    UpstreamStatus,
    is_over,
    read_since,
)
from order_pipeline_tests.picking.picks import MORNING, pick_row
from order_pipeline_tests.picking.test_plan import FLOORS, known

NOW = MORNING + timedelta(days=400)
AGES = [timedelta(hours=1), FOLLOWED_AFTER_LEAVING, FOLLOWED_AFTER_LEAVING + timedelta(hours=1), timedelta(days=300)]
STATUSES = [None, "accepted", "shipped", "delivered", "partially_shipped", "returned", "cancelled", "unknown", "gone"]
REASONS = [None, LEFT_THE_LIST, QUARANTINED, WITHDRAWN, CONFIRMED, "order_held", "refused"]
COLUMNS = list(pick_outbox.c.keys())
ORDERS = ["K1", "K2", "K3"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def outbox(request, tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('outbox') / 'operations.sqlite'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    store = OperationsStore(url)
    store.create_all()
    yield store
    store.close()


@contextmanager
def with_lines(store, lines):
    """A transaction in which the outbox has these lines, and no others; it is rolled back."""
    with store.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(delete(pick_outbox))
        if lines:
            rows = [{name: getattr(line, name) for name in COLUMNS} for line in lines]
            connection.execute(insert(pick_outbox), rows)
        yield connection
        transaction.rollback()


def pick_of(order, line, **changes):
    return pick_row(int(line), order=order, line=line, **changes)


@st.composite
def outboxes(draw):
    """Lines of three orders in any state, reason and age; and rows of the list of picks, of the same orders."""
    keys = st.tuples(st.sampled_from(ORDERS), st.sampled_from(["1", "2", "3"]))
    lines = []
    for position, (order, line) in enumerate(draw(st.lists(keys, unique=True, max_size=9))):
        changes = {
            "reason": draw(st.sampled_from(REASONS)),
            "upstream_status": draw(st.sampled_from(STATUSES)),
            "updated_at": NOW - draw(st.sampled_from(AGES)),
            "position": position,
        }
        state = draw(st.sampled_from([state for state in PickState if state is not PickState.SENDING]))
        lines.append(known(state, pick_of(order, line), **changes))
    rows = [
        pick_of(order, line, quantity=draw(st.sampled_from([2, 5])), bin_location=draw(st.sampled_from(["A-01", " "])))
        for order, line in draw(st.lists(keys, unique=True, max_size=6))
    ]
    return lines, rows


@st.composite
def situations(draw):
    """An outbox, and a list of picks that was read for it."""
    lines, rows = draw(outboxes())
    listed = {row["pick_id"] for row in rows}
    on_the_floor = [line for line in lines if line.state not in NOT_ON_THE_FLOOR]
    followed = [line.pick_id for line in on_the_floor if line.pick_id in listed or not is_over(line, NOW)]
    statuses = st.sampled_from(STATUSES[:-1])
    upstream = [UpstreamStatus(pick_id=pick_id, line_status=draw(statuses)) for pick_id in followed]
    picks = PickList(
        rows=rows,
        upstream=upstream,
        quarantined_orders=draw(st.frozensets(st.sampled_from(ORDERS), max_size=1)),
        followed=frozenset(followed),
    )
    return lines, picks


def plan_of(picks, lines):
    return make_plan(picks, lines, FLOORS, wave=2)


def read_lines(outbox, lines, picks):
    """Those of the lines that planning reads."""
    with with_lines(outbox, lines) as connection:
        return load_for_planning(connection, picks.pick_ids, picks.quarantined_orders, read_since(NOW))


@pytest.mark.costly
@given(situations())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_plan_is_that_of_the_whole_outbox_and_nothing_settled_is_sent_again(outbox, situation):
    lines, picks = situation
    plan = plan_of(picks, read_lines(outbox, lines, picks))
    assert plan == plan_of(picks, lines)
    assert not {row["pick_id"] for row in plan.new_lines} & {line.pick_id for line in lines}


def settled_line(**changes):
    return known("sent", upstream_status="shipped", **changes)


def test_without_the_lines_that_are_listed_again_a_settled_one_would_be_sent_twice(outbox):
    picks = PickList(rows=[pick_row()], followed=frozenset())
    with with_lines(outbox, [settled_line()]) as connection:
        open_alone = load_open_lines(connection, read_since(NOW))
    assert [row["state"] for row in plan_of(picks, open_alone.values()).new_lines] == ["planned"]
    assert plan_of(picks, read_lines(outbox, [settled_line()], picks)).new_lines == []


def test_a_settled_line_is_read_while_its_change_is_young_or_its_order_is_in_question(outbox):
    left = known("held", reason=LEFT_THE_LIST)
    young = settled_line(updated_at=NOW, pick_id=f"{left.pick_id}1")
    assert [line.state for line in read_lines(outbox, [young, left], PickList(rows=[]))] == ["sent"]
    quarantined = PickList(rows=[], quarantined_orders=frozenset({"K1"}))
    plan = plan_of(quarantined, read_lines(outbox, [left], quarantined))
    assert [each.reason for each in plan.transitions] == [QUARANTINED]


def is_settled(line):
    """What the SQL expression says, in the words of planning."""
    return (
        (line.state in {PickState.SENT, PickState.RESOLVED_SENT} and line.upstream_status in LEFT_WHOLE)
        or (line.state is PickState.HELD and line.reason == LEFT_THE_LIST)
        or (line.state is PickState.CANCELLED_AFTER_SEND and line.reason == WITHDRAWN)
    )


def test_sql_calls_settled_what_planning_calls_settled(outbox):
    every = [
        known(state, pick_id=f"{state}|{status}|{reason}", upstream_status=status, reason=reason)
        for state in PickState
        for status in {*STATUSES, *LEFT_WHOLE}
        for reason in REASONS
    ]
    with with_lines(outbox, every) as connection:
        found = load_open_lines(connection, NOW)
    assert found.keys() == {line.pick_id for line in every if not is_settled(line)}


@pytest.mark.parametrize("is_analysed", [False, True])
def test_the_query_for_open_lines_is_served_by_an_index(outbox, is_analysed):
    """Should its text differ from that of the index, it would be right and slow. SQLite stores are never analysed."""
    if is_analysed and outbox.is_sqlite:
        pytest.skip("only PostgreSQL gathers statistics by itself")
    query = f"SELECT * FROM pick_outbox WHERE {IS_SETTLED} = 0"
    explain = "EXPLAIN QUERY PLAN" if outbox.is_sqlite else "EXPLAIN"
    lines = [settled_line(pick_id=f"kibo:acme:K1:{number}") for number in range(1_000)]
    with with_lines(outbox, lines) as connection:
        if is_analysed:
            connection.execute(text("ANALYZE pick_outbox"))
        plan, other = (
            str(connection.execute(text(f"{explain} {asked}")).all())
            for asked in (query, query.replace("'delivered', ", ""))
        )
    assert "pick_outbox_by_settled" in plan
    assert "pick_outbox_by_settled" not in other


def test_the_next_wave_follows_the_last_one_whatever_its_lines_became(outbox):
    with with_lines(outbox, []) as connection:
        assert next_wave(connection) == 1
    with with_lines(outbox, [known("held", wave=7), settled_line(wave=9, pick_id="another")]) as connection:
        assert next_wave(connection) == 10
