"""After a loss: what the lake knows is known again, what nobody knows is held for a person, nothing goes twice."""

from collections import Counter
from contextlib import closing

import pytest

from order_pipeline.operations import installation_note
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.operators import resolve_waves, views
from order_pipeline.picking.operators.resolve_waves import list_waves, read_seen, resolve_wave
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox.payload import read_payload
from order_pipeline.picking.outbox.states import ON_THE_FLOOR, PickState
from order_pipeline.recovery.settling import finish, schedules_are_off, settle
from order_pipeline.recovery.stores import StoresDisagreeError
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.recovery.installations import remove_database

pytestmark = pytest.mark.costly

WORD = {"reason": "looked at the screen", "who": "Eleni"}


def settle_here(installation, **how):
    settings = installation.settings
    with closing(OperationsStore(settings.resolved_operations_url)) as store, closing(Lake(settings)) as lake:
        return settle(settings, store, lake, **how)


def lines(installation):
    """pick id -> line."""
    with closing(OperationsStore(installation.settings.resolved_operations_url)) as store, store.reading() as reading:
        return {line.pick_id: line for line in outbox.load_lines(reading)}


def answer_from_the_floor(installation):
    """What a person does: each wave in doubt, answered from what the fake's screen shows."""
    seen = read_seen(f"{order},{barcode}" for order, barcode, _ in installation.accepted())
    with closing(OperationsStore(installation.settings.resolved_operations_url)) as store:
        return [resolve_wave(store, wave["wave"], seen, **WORD) for wave in list_waves(store)]


def on_the_floor(installation, states=ON_THE_FLOOR):
    """What the outbox says is on the floor: where the fake accepted the same, nothing is there twice or lost."""
    payloads = [read_payload(line.payload) for line in lines(installation).values() if line.state in states]
    return Counter((each["ordernumber"], each["barcode"], each["binloc"]) for each in payloads)


def test_a_lost_outbox_is_rebuilt_from_the_lake_without_a_doubt(sent):
    before, accepted = lines(sent), sent.accepted()
    remove_database(sent.data_dir / "operations.sqlite")
    result = settle_here(sent)
    assert (result.has_gap, result.rebuilt.added, result.rebuilt.payload_unknown) == (False, len(before), 0)
    after = lines(sent)
    assert {key: (line.state, line.payload) for key, line in after.items()} == {
        key: (line.state, line.payload) for key, line in before.items()
    }
    sent.read_again()
    assert sent.emit().sent == 0
    assert sent.accepted() == accepted


def test_a_lost_outbox_whose_last_lines_reached_no_copy_is_held_for_a_person(installation, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr("order_pipeline.orchestration.assets.picking.publish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            installation.emit()
    accepted = installation.accepted()
    remove_database(installation.data_dir / "operations.sqlite")
    assert settle_here(installation).has_gap
    installation.read_again()
    held = installation.emit()
    assert (held.sent, held.by_state["in_doubt"]) == (0, accepted.total())
    answer_from_the_floor(installation)
    assert installation.emit().sent == 0
    assert installation.accepted() == accepted


@pytest.mark.slow  # a restore of the outbox alone is the same, in test_backup
def test_an_older_outbox_is_brought_up_to_date_from_the_lake(sent, before_the_picks):
    accepted = sent.accepted()
    sent.put_back(before_the_picks, "operations.sqlite")
    assert not settle_here(sent).has_gap
    sent.read_again()
    assert sent.emit().sent == 0
    assert sent.accepted() == accepted


def test_a_whole_copy_put_back_sends_nothing_until_a_person_answers(installation, tmp_path):
    copy = installation.copy_to(tmp_path / "copy")
    sent = installation.emit(allowed_order_numbers=some_orders(installation)).sent
    accepted = installation.accepted()
    assert 0 < sent == accepted.total()
    installation.put_back(copy)
    with pytest.raises(StoresDisagreeError):
        installation.emit()
    assert settle_here(installation).has_gap
    assert schedules_are_off(installation.settings)
    installation.read_again()
    held = installation.emit()
    assert held.sent == 0
    assert installation.accepted() == accepted
    (answered,) = answer_from_the_floor(installation)
    assert (answered.sent, answered.not_of_the_wave) == (sent, [])
    assert installation.emit().sent == answered.not_sent > 0
    assert installation.accepted() == on_the_floor(installation)
    finish(installation.settings)
    assert not schedules_are_off(installation.settings)


def some_orders(installation):
    """Two of the orders that can be picked."""
    lake = Lake(installation.settings)
    rows = lake.query(
        "SELECT DISTINCT order_number FROM marts.pick_lines GROUP BY 1 HAVING count(hold_reason) = 0 ORDER BY 1 LIMIT 2"
    ).rows
    return [number for (number,) in rows]


def test_after_a_copy_was_put_back_what_was_due_waits_and_what_is_newer_goes_out(sent, before_the_picks):
    sent.put_back(before_the_picks)
    settle_here(sent)
    assert sent.emit().by_state == {}, "the channel was not read since"
    sent.read_again()
    of_tomorrow, of_before = some_orders(sent)
    lake = Lake(sent.settings)
    with lake.transaction("an order of tomorrow") as connection:
        connection.execute(
            "UPDATE core.orders SET ordered_at = now() + INTERVAL 1 DAY WHERE order_number = ?", [of_tomorrow]
        )
    lake.close()
    assert sent.emit().sent > 0
    state_of = {line.order_number: line.state for line in lines(sent).values()}
    assert (state_of[of_tomorrow], state_of[of_before]) == ("sent", "in_doubt")
    with closing(OperationsStore(sent.settings.resolved_operations_url)) as store:
        doubts = views.check_doubts(store, alert_minutes=-1)
    assert doubts.overdue == doubts.in_doubt > 0


def test_a_moved_directory_goes_on_without_a_doubt(sent, monkeypatch, tmp_path):
    other = tmp_path / "machine-id"
    other.write_text("another machine\n")
    monkeypatch.setattr(installation_note, "MACHINE_ID", other)
    assert not settle_here(sent, is_moved=True).has_gap
    sent.read_again()
    assert sent.emit().sent == 0


def test_a_directory_of_another_machine_that_may_be_older_is_held(installation, monkeypatch, tmp_path):
    other = tmp_path / "machine-id"
    other.write_text("another machine\n")
    monkeypatch.setattr(installation_note, "MACHINE_ID", other)
    assert settle_here(installation).has_gap


def test_a_new_lake_beside_a_living_outbox_calls_no_pick_off(sent):
    before = {key: line.state for key, line in lines(sent).items() if line.state is PickState.SENT}
    remove_database(sent.data_dir / "catalog.sqlite")
    with pytest.raises(StoresDisagreeError):
        settle_here(sent)
    assert not settle_here(sent, new_lake=True).has_gap
    sent.read("again")
    assert sent.emit().sent == 0
    after = lines(sent)
    assert {key: after[key].state for key in before} == before


def test_a_lake_that_lacks_the_orders_calls_no_pick_off(sent):
    before = {key: line.state for key, line in lines(sent).items() if line.state is PickState.SENT}
    lake = Lake(sent.settings)
    with lake.transaction("forget the orders") as connection:
        for table in ("orders", "order_lines", "shipments", "shipment_lines"):
            connection.execute(f"DELETE FROM core.{table}")
    lake.close()
    assert sent.emit().open_tasks == 0
    after = lines(sent)
    assert {key: after[key].state for key in before} == before


def test_a_pick_whose_content_is_lost_and_changed_since_waits_for_a_person(sent):
    lake = Lake(sent.settings)
    with lake.transaction("another item master") as connection:
        connection.execute("UPDATE reference.item_locations SET bin_location = bin_location || '-9'")
    lake.close()
    remove_database(sent.data_dir / "operations.sqlite")
    result = settle_here(sent)
    assert result.rebuilt.payload_unknown > 0
    report = sent.emit()
    assert (report.sent, report.by_state["changed_after_send"]) == (0, result.rebuilt.payload_unknown)
    assert report.open_tasks >= result.rebuilt.payload_unknown


def test_a_settling_that_was_killed_half_way_is_finished_by_the_next(sent, before_the_picks, monkeypatch):
    accepted = sent.accepted()
    sent.put_back(before_the_picks)
    with monkeypatch.context() as killed:
        killed.setattr("order_pipeline.recovery.settling._name_anew", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            settle_here(sent)
    with pytest.raises(StoresDisagreeError):
        sent.emit()
    assert settle_here(sent).has_gap
    sent.read_again()
    assert sent.emit().sent == 0
    assert sent.accepted() == accepted


def test_a_wave_without_doubts_is_no_wave_to_resolve(sent):
    with (
        closing(OperationsStore(sent.settings.resolved_operations_url)) as store,
        pytest.raises(views.UnknownPickError),
    ):
        resolve_waves.resolve_wave(store, 1, "not_sent", **WORD)


def test_a_list_of_what_was_seen_takes_orders_and_single_lines():
    seen = read_seen(["100, 520001", "", "200", " 300 "])
    assert (set(seen.orders), set(seen.lines)) == ({"200", "300"}, {("100", "520001")})
    with pytest.raises(ValueError, match="Line 1 has 3 parts"):
        read_seen(["100,1,2"])
