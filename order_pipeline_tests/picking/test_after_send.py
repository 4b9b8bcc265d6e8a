"""What opens, keeps and closes a task after sending, and picks that were made anew; stored, over several emissions."""

import pytest

from order_pipeline.picking.operators.resolve import close_task, confirm, resolve, withdraw
from order_pipeline.picking.operators.views import list_tasks
from order_pipeline.picking.outbox.states import ForbiddenTransitionError
from order_pipeline.picking.planning.upstream import UpstreamStatus
from order_pipeline.settings import PickingSettings
from order_pipeline_tests.picking.picks import emit_rows, line_of, pick_row, states

PICK = "kibo:acme:K1:1"
AGAIN = f"{PICK}:11"


@pytest.fixture
def emission(settings, store):
    """One emission after another, each with these rows."""
    runs = []

    def emit_next(*rows, **more):
        runs.append(rows)
        return emit_rows(settings, store, rows, run_id=f"run {len(runs)}", **more)

    return emit_next


def open_kinds(store):
    return [task["kind"] for task in list_tasks(store)]


@pytest.mark.parametrize(
    "edit",
    [
        {"product_name": "Copper kettle"},
        {"product_name": None},
        {"customer_name": "Ada King"},
        {"marketplace_order_id": "M-1"},
        {"warehouse": "SECOND"},
        {"order_day": pick_row()["order_day"].replace(day=2)},
    ],
    ids=str,
)
def test_an_edit_after_which_the_picker_does_the_same_opens_no_task(emission, store, edit):
    emission(pick_row())
    emission(pick_row(**edit))
    emission(pick_row())
    assert (states(store), list_tasks(store, include_closed=True)) == ({PICK: "sent"}, [])


@pytest.mark.parametrize("edit", [{"quantity": 5}, {"barcode": "5299"}, {"bin_location": "B-02"}], ids=str)
def test_a_change_of_what_the_picker_does_is_a_task_and_taken_back_it_is_closed(emission, store, edit):
    emission(pick_row())
    emission(pick_row(**edit))
    assert (states(store), open_kinds(store)) == ({PICK: "changed_after_send"}, ["changed_after_send"])
    assert emission(pick_row(**edit)).new_tasks == 0
    emission(pick_row())
    assert (states(store), open_kinds(store)) == ({PICK: "sent"}, [])
    emission(pick_row(**edit))
    assert open_kinds(store) == ["changed_after_send"]


def test_a_change_that_a_person_has_corrected_and_that_is_taken_back_is_a_task_to_undo_it(emission, store):
    emission(pick_row())
    emission(pick_row(quantity=5))
    close_task(store, list_tasks(store)[0]["task_id"], reason="corrected on the screen", who="Eleni")
    emission(pick_row())
    emission(pick_row())
    (task,) = list_tasks(store)
    assert "put it back" in task["what_to_do"]
    assert states(store) == {PICK: "sent"}


def test_a_later_change_replaces_the_task_of_an_earlier_one(emission, store):
    emission(pick_row())
    emission(pick_row(quantity=5))
    emission(pick_row(quantity=6))
    (task,) = list_tasks(store)
    assert "qtytopick: 2 -> 6" in task["detail"]


def test_a_cancellation_taken_back_closes_its_task(emission, store):
    emission(pick_row())
    emission(upstream=[UpstreamStatus(pick_id=PICK, order_status="cancelled")])
    assert open_kinds(store) == ["cancelled_after_send"]
    emission(pick_row())
    assert (states(store), open_kinds(store)) == ({PICK: "sent"}, [])


def test_a_contradiction_that_ends_closes_its_task(emission, store):
    emission(pick_row())
    emission(pick_row(hold_reason="contradictory_levels", hold_detail="order CANCELED", hold_scope="line"))
    assert open_kinds(store) == ["cancelled_after_send"]
    emission(pick_row())
    assert (states(store), open_kinds(store)) == ({PICK: "sent"}, [])


def test_an_order_that_is_whole_again_closes_the_task_of_its_missing_line_and_opens_it_when_it_is_missing_again(
    emission, store
):
    first, second = pick_row(0, line="1"), pick_row(1, line="2")
    emission(first)
    emission(first, second | {"barcode": None})
    assert open_kinds(store) == ["partly_sent_order"]
    emission(first)
    assert open_kinds(store) == []
    emission(first, second | {"barcode": None})
    assert open_kinds(store) == ["partly_sent_order"]
    emission(first, second)
    assert open_kinds(store) == []


def remade(**changes):
    """The same item of the same order, under another shipment number."""
    return pick_row(pick_id=AGAIN, shipment_id="kibo:acme:K1:11", **changes)


def other_item_id():
    return pick_row(pick_id="kibo:acme:K1:7:10", line_id="7")


@pytest.mark.parametrize("second", [remade(), other_item_id()], ids=["another shipment", "another item id"])
@pytest.mark.parametrize("first_is_still_asked_for", [False, True])
def test_a_remade_shipment_waits_while_the_first_one_is_on_the_floor(emission, store, second, first_is_still_asked_for):
    emission(pick_row())
    rows = [pick_row(), second] if first_is_still_asked_for else [second]
    emission(*rows)
    emission(*rows)
    line = line_of(store, second["pick_id"])
    assert (line.state, line.reason) == ("held", "remade_after_send")
    assert PICK in (line.detail or "")
    assert "remade_after_send" in open_kinds(store)


def under_another_account(line="1"):
    return pick_row(pick_id=f"kibo:renamed:K1:{line}", account="renamed", order_id="kibo:renamed:K1", line_id=line)


def test_a_line_whose_account_was_renamed_is_not_sent_again(emission, store):
    emission(pick_row())
    assert emission(under_another_account()).sent == 0
    line = line_of(store, "kibo:renamed:K1:1")
    assert (line.state, line.reason) == ("held", "remade_after_send")


def test_an_order_of_another_account_that_only_shares_a_number_and_an_item_is_sent(emission, store):
    emission(pick_row())
    assert emission(under_another_account(line="9")).sent == 1


def test_the_rest_of_a_remade_order_waits_too(emission, store):
    emission(pick_row())
    emission(remade(), pick_row(1, line="2"))
    assert line_of(store, "kibo:acme:K1:2").reason == "order_held"


@pytest.mark.parametrize(("word", "state"), [(withdraw, "cancelled_after_send"), (confirm, "resolved_sent")])
def test_the_remade_one_goes_once_a_person_withdrew_or_confirmed_the_first(emission, store, word, state):
    emission(pick_row())
    emission(remade())
    word(store, PICK, reason="looked at the screen", who="Eleni")
    assert emission(remade()).sent == 1
    emission(remade())
    assert states(store) == {PICK: state, AGAIN: "sent"}
    assert open_kinds(store) == []


def test_the_remade_one_that_the_first_one_serves_is_never_sent(emission, store):
    emission(pick_row())
    emission(remade())
    resolve(store, AGAIN, "sent", reason="packed from the first pick", who="Eleni")
    assert emission(remade()).sent == 0
    assert states(store)[AGAIN] == "resolved_sent"


def test_by_setting_a_remade_shipment_is_sent(settings, store):
    sending = settings.model_copy(update={"picking": PickingSettings(remade_shipments="send")})
    emit_rows(sending, store, [pick_row()], run_id="first")
    emit_rows(sending, store, [remade()], run_id="second")
    assert states(store)[AGAIN] == "sent"


def test_two_shipments_of_one_item_that_were_asked_for_together_are_no_remake(emission, store):
    emission(pick_row(), remade())
    emission(pick_row(), remade())
    assert set(states(store).values()) == {"sent"}


def test_a_shipment_after_the_first_one_has_left_is_no_remake(emission, store):
    emission(pick_row())
    emission(remade(), upstream=[UpstreamStatus(pick_id=PICK, order_status="accepted", shipment_status="shipped")])
    assert states(store)[AGAIN] == "sent"


def test_a_withdrawn_pick_that_its_order_still_asks_for_is_never_sent_again_and_is_a_task(emission, store):
    emission(pick_row())
    withdraw(store, PICK, reason="taken off by mistake", who="Eleni")
    assert emission(pick_row()).sent == 0
    emission(pick_row())
    assert (states(store), open_kinds(store)) == ({PICK: "cancelled_after_send"}, ["changed_after_send"])
    confirm(store, PICK, reason="added by hand", who="Eleni")
    emission(pick_row())
    assert (states(store), open_kinds(store)) == ({PICK: "resolved_sent"}, [])


@pytest.mark.parametrize("word", [withdraw, confirm])
def test_only_a_pick_on_the_floor_is_withdrawn_or_confirmed(emission, store, word):
    emission(pick_row(barcode=None))
    with pytest.raises(ForbiddenTransitionError, match="Nothing was changed"):
        word(store, PICK, reason="a reason", who="Eleni")
    with pytest.raises(ValueError, match="reason"):
        word(store, PICK, reason=" ", who="Eleni")
