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


def test_a_lost_outbox_is_rebuilt_from_the_lake_without_a_doubt(installation):
    installation.emit()
    before, accepted = lines(installation), installation.accepted()
    remove_database(installation.data_dir / "operations.sqlite")
    result = settle_here(installation)
    assert (result.has_gap, result.rebuilt.added, result.rebuilt.payload_unknown) == (False, len(before), 0)
    after = lines(installation)
    assert {key: (line.state, line.payload) for key, line in after.items()} == {
        key: (line.state, line.payload) for key, line in before.items()
    }
    installation.read("again")
    assert installation.emit().sent == 0
    assert installation.accepted() == accepted


def test_a_lost_outbox_whose_last_lines_reached_no_copy_is_held_for_a_person(installation, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr("order_pipeline.orchestration.assets.picking.publish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            installation.emit()
    accepted = installation.accepted()
    remove_database(installation.data_dir / "operations.sqlite")
    assert settle_here(installation).has_gap
    installation.read("again")
    held = installation.emit()
    assert (held.sent, held.by_state["in_doubt"]) == (0, accepted.total())
    answer_from_the_floor(installation)
    assert installation.emit().sent == 0
    assert installation.accepted() == accepted


def test_an_older_outbox_is_brought_up_to_date_from_the_lake(installation, tmp_path):
    copy = installation.copy_to(tmp_path / "copy")
    installation.emit()
    accepted = installation.accepted()
    installation.put_back(copy, "operations.sqlite")
    assert not settle_here(installation).has_gap
    installation.read("again")
    assert installation.emit().sent == 0
    assert installation.accepted() == accepted


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
    installation.read("again")
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


def test_picks_wait_until_their_channel_was_read_once_since(installation, tmp_path):
    copy = installation.copy_to(tmp_path / "copy")
    installation.emit()
    installation.put_back(copy)
    settle_here(installation)
    assert installation.emit().by_state == {}
    installation.read("again")
    assert installation.emit().by_state["in_doubt"] > 0


def test_an_order_of_after_the_restore_goes_out_at_once(installation, tmp_path):
    copy = installation.copy_to(tmp_path / "copy")
    installation.emit()
    installation.put_back(copy)
    settle_here(installation)
    installation.read("again")
    lake = Lake(installation.settings)
    with lake.transaction("orders of tomorrow") as connection:
        connection.execute("UPDATE core.orders SET ordered_at = now() + INTERVAL 1 DAY")
    lake.close()
    assert installation.emit().sent > 0


def test_a_moved_directory_goes_on_without_a_doubt(installation, monkeypatch, tmp_path):
    installation.emit()
    other = tmp_path / "machine-id"
    other.write_text("another machine\n")
    monkeypatch.setattr(installation_note, "MACHINE_ID", other)
    assert not settle_here(installation, is_moved=True).has_gap
    installation.read("again")
    assert installation.emit().sent == 0


def test_a_directory_of_another_machine_that_may_be_older_is_held(installation, monkeypatch, tmp_path):
    other = tmp_path / "machine-id"
    other.write_text("another machine\n")
    monkeypatch.setattr(installation_note, "MACHINE_ID", other)
    assert settle_here(installation).has_gap


def test_a_new_lake_beside_a_living_outbox_calls_no_pick_off(installation):
    installation.emit()
    before = {key: line.state for key, line in lines(installation).items() if line.state is PickState.SENT}
    remove_database(installation.data_dir / "catalog.sqlite")
    with pytest.raises(StoresDisagreeError):
        settle_here(installation)
    assert not settle_here(installation, new_lake=True).has_gap
    installation.read("again")
    assert installation.emit().sent == 0
    after = lines(installation)
    assert {key: after[key].state for key in before} == before


def test_a_lake_that_lacks_the_orders_calls_no_pick_off(installation):
    installation.emit()
    before = {key: line.state for key, line in lines(installation).items() if line.state is PickState.SENT}
    lake = Lake(installation.settings)
    with lake.transaction("forget the orders") as connection:
        for table in ("orders", "order_lines", "shipments", "shipment_lines"):
            connection.execute(f"DELETE FROM core.{table}")
    lake.close()
    assert installation.emit().open_tasks == 0
    after = lines(installation)
    assert {key: after[key].state for key in before} == before


def test_a_pick_whose_content_is_lost_and_changed_since_waits_for_a_person(installation):
    installation.emit()
    lake = Lake(installation.settings)
    with lake.transaction("another item master") as connection:
        connection.execute("UPDATE reference.item_locations SET bin_location = bin_location || '-9'")
    lake.close()
    remove_database(installation.data_dir / "operations.sqlite")
    result = settle_here(installation)
    assert result.rebuilt.payload_unknown > 0
    report = installation.emit()
    assert (report.sent, report.by_state["changed_after_send"]) == (0, result.rebuilt.payload_unknown)
    assert report.open_tasks >= result.rebuilt.payload_unknown


def test_a_settling_that_was_killed_half_way_is_finished_by_the_next(installation, tmp_path, monkeypatch):
    copy = installation.copy_to(tmp_path / "copy")
    installation.emit()
    accepted = installation.accepted()
    installation.put_back(copy)
    with monkeypatch.context() as killed:
        killed.setattr("order_pipeline.recovery.settling._name_anew", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            settle_here(installation)
    with pytest.raises(StoresDisagreeError):
        installation.emit()
    assert settle_here(installation).has_gap
    installation.read("again")
    assert installation.emit().sent == 0
    assert installation.accepted() == accepted


def test_the_doubts_check_counts_what_a_restore_left(installation, tmp_path):
    copy = installation.copy_to(tmp_path / "copy")
    installation.emit()
    installation.put_back(copy)
    settle_here(installation)
    installation.read("again")
    installation.emit()
    with closing(OperationsStore(installation.settings.resolved_operations_url)) as store:
        doubts = views.check_doubts(store, alert_minutes=-1)
    assert doubts.overdue == doubts.in_doubt > 0


def test_a_wave_without_doubts_is_no_wave_to_resolve(installation):
    installation.emit()
    with (
        closing(OperationsStore(installation.settings.resolved_operations_url)) as store,
        pytest.raises(views.UnknownPickError),
    ):
        resolve_waves.resolve_wave(store, 1, "not_sent", **WORD)


def test_a_list_of_what_was_seen_takes_orders_and_single_lines():
    seen = read_seen(["100, 520001", "", "200", " 300 "])
    assert (set(seen.orders), set(seen.lines)) == ({"200", "300"}, {("100", "520001")})
    with pytest.raises(ValueError, match="Line 1 has 3 parts"):
        read_seen(["100,1,2"])
