"""What operators see and do: doubts, tasks, previews, the read-back."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.http.errors import NotConfigured
from order_pipeline.picking.operators.preview import preview
from order_pipeline.picking.operators.resolve import close_task, resolve
from order_pipeline.picking.operators.views import UnknownPickError, check_doubts, list_lines, list_tasks, show
from order_pipeline.picking.outbox.states import ForbiddenTransitionError, PickState
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.planning.upstream import UpstreamStatus
from order_pipeline.picking.sending.read_back import push_statuses, read_back
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline_tests.picking.picks import emit_rows, line_of, order_rows, pick_row, states

PICK = "kibo:acme:K1:1"


@pytest.fixture
def doubted(settings, store, sandbox):
    """One line whose reply was lost."""
    sandbox.faults.add(Fault(api="scanorders", kind="drop_after", nth=1))
    emit_rows(settings, store, [pick_row()], run_id="doubtful", snapshot_id=17)


def accepted(sandbox):
    return sandbox.channels["scanorders"].ledger()["accepted"]


def test_a_doubt_resolved_as_sent_is_never_sent_again(settings, store, sandbox, doubted):
    assert resolve(store, PICK, "sent", reason="seen on the screen", who="Eleni") is PickState.RESOLVED_SENT
    assert emit_rows(settings, store, [pick_row()], run_id="next").sent == 0
    assert accepted(sandbox) == 1


def test_a_doubt_resolved_as_not_sent_goes_out_with_the_next_run(settings, store, sandbox, doubted):
    resolve(store, PICK, "not_sent", reason="not on the screen", who="Eleni")
    assert emit_rows(settings, store, [pick_row()], run_id="next").sent == 1
    assert line_of(store, PICK).attempt == 2


@pytest.mark.parametrize(("reason", "who"), [("", "Eleni"), ("seen", " ")])
def test_a_resolve_needs_a_reason_and_a_name(store, doubted, reason, who):
    with pytest.raises(ValueError, match="nothing was changed"):
        resolve(store, PICK, "sent", reason=reason, who=who)


def test_a_line_that_was_sent_for_certain_cannot_be_resolved(settings, store, sandbox):
    emit_rows(settings, store, [pick_row()], run_id="r")
    with pytest.raises(ForbiddenTransitionError):
        resolve(store, PICK, "not_sent", reason="again please", who="Eleni")


def test_an_unknown_line_is_named(store):
    with pytest.raises(UnknownPickError, match="nobody"):
        resolve(store, "nobody", "sent", reason="x", who="y")


def test_the_story_of_a_line_has_every_transition_with_what_was_known(store, doubted):
    resolve(store, PICK, "sent", reason="seen on the screen", who="Eleni")
    (story,) = show(store, "K1")
    assert [(e["from_state"], e["to_state"], e["actor"]) for e in story.events] == [
        (None, "planned", "planner"),
        ("planned", "sending", "emitter"),
        ("sending", "in_doubt", "emitter"),
        ("in_doubt", "resolved_sent", "Eleni"),
    ]
    assert {e["snapshot_id"] for e in story.events[:3]} == {17}
    assert {e["payload_sha256"] for e in story.events} == {story.line.payload_sha256}
    assert [e["attempt"] for e in story.events] == [0, 1, 1, 1]


def test_the_list_filters_by_state_and_shows_no_customer(settings, store, sandbox, doubted):
    emit_rows(settings, store, [pick_row(), *order_rows(1)], run_id="more")
    (row,) = list_lines(store, [PickState.IN_DOUBT])
    assert row["pick_id"] == PICK
    assert "Lovelace" not in str(list_lines(store))


def test_the_doubts_check_turns_red_with_age_and_green_when_resolved(store, doubted):
    now = line_of(store, PICK).updated_at
    assert check_doubts(store, 60, now=now + timedelta(minutes=59)).passed
    late = check_doubts(store, 60, now=now + timedelta(minutes=61))
    assert (late.passed, late.in_doubt, late.overdue, late.pick_ids) == (False, 1, 1, [PICK])
    resolve(store, PICK, "sent", reason="seen", who="Eleni")
    assert check_doubts(store, 60, now=now + timedelta(days=9)).passed


def test_a_change_after_sending_opens_one_task_that_a_person_closes(settings, store, sandbox):
    emit_rows(settings, store, [pick_row()], run_id="r1")
    emit_rows(settings, store, [pick_row(quantity=3)], run_id="r2")
    emit_rows(settings, store, [pick_row(quantity=3)], run_id="r3")
    (task,) = list_tasks(store)
    assert (task["kind"], task["detail"]) == ("changed_after_send", "qtytopick: 2 -> 3")
    close_task(store, task["task_id"], reason="corrected", who="Eleni")
    assert list_tasks(store) == []
    with pytest.raises(UnknownPickError):
        close_task(store, task["task_id"], reason="again", who="Eleni")
    assert accepted(sandbox) == 1


def test_every_further_change_is_a_task_of_its_own_and_taken_back_it_is_closed(settings, store, sandbox):
    for run, quantity in enumerate([2, 3, 2, 3, 3]):
        emit_rows(settings, store, [pick_row(quantity=quantity)], run_id=f"r{run}")
    assert [task["closed_by"] for task in list_tasks(store, include_closed=True)] == ["planner", None]
    assert accepted(sandbox) == 1


def test_the_preview_stores_nothing_and_shows_the_payload_and_its_difference(settings, store, sandbox):
    emit_rows(settings, store, [pick_row()], run_id="r")
    changed, new = preview(settings, store, PickList(rows=[pick_row(quantity=3), pick_row(1, order="K2")]))
    assert (changed.action, changed.differences) == ("ask_a_person", ["qtytopick: 2 -> 3"])
    assert (new.action, new.payload["barcode"], new.differences) == ("send", "520000000001", [])
    assert states(store) == {PICK: "sent"}


def test_the_read_back_keeps_unknown_numbers_and_proves_the_id(settings, store, sandbox):
    emit_rows(settings, store, [pick_row(barcode="0052")], run_id="r")
    report = read_back(settings, store, run_id="back")
    assert (report.read, report.matched, report.mismatched) == (1, 1, 0)
    with store.reading() as connection:
        row = connection.exec_driver_sql("SELECT status_code, barcode, matches FROM pick_status").one()
    assert tuple(row) == ("123.0", "52", 1)


def test_an_id_that_is_not_the_orders_id_is_not_believed(settings, store, sandbox):
    sandbox.channels["scanorders"].configure(fulfilment_id="different")
    emit_rows(settings, store, [pick_row()], run_id="r")
    report = read_back(settings, store, run_id="back")
    assert (report.matched, report.mismatched + report.not_found + report.failed) == (0, 1)


def test_a_status_is_pushed_by_policy_once_and_only_to_a_proved_id(settings, store, sandbox):
    settings.scanorders.push_statuses = {"shipped": "Picked"}
    emit_rows(settings, store, [pick_row()], run_id="r1")
    emit_rows(settings, store, [], run_id="r2", upstream=[UpstreamStatus(pick_id=PICK, order_status="shipped")])
    assert push_statuses(settings, store, run_id="unproved").pushed == 0
    read_back(settings, store, run_id="back")
    assert [push_statuses(settings, store, run_id=f"p{n}").pushed for n in range(2)] == [1, 0]
    assert sandbox.channels["scanorders"].ledger()["fulfilments"][0]["status"] == "Picked"


def test_a_line_still_to_be_picked_gets_its_statuses_as_the_order_moves_on(settings, store, sandbox):
    settings.scanorders.push_statuses = {"ready": "In Progress", "open": "Ready to Fulfil"}
    emit_rows(settings, store, [pick_row()], run_id="r")
    read_back(settings, store, run_id="back")
    seen = []
    for status in ("open", "ready", "ready"):
        upstream = [UpstreamStatus(pick_id=PICK, shipment_status=status)]
        emit_rows(settings, store, [pick_row()], run_id=status, upstream=upstream)
        pushed = push_statuses(settings, store, run_id="push").pushed
        seen.append((pushed, sandbox.channels["scanorders"].ledger()["fulfilments"][0]["status"]))
    assert seen == [(1, "Ready to Fulfil"), (1, "In Progress"), (0, "In Progress")]
    assert states(store) == {PICK: "sent"}


def test_a_policy_that_could_never_be_followed_is_refused(settings, store):
    with pytest.raises(ValidationError, match="Ready to Fulfil"):
        ScanOrdersSettings.model_validate({"push_statuses": {"shipped": "Ready to Fulfill"}})
    settings.scanorders.push_statuses = {"shiped": "Picked"}
    with pytest.raises(NotConfigured, match="shiped"):
        push_statuses(settings, store, run_id="p")
