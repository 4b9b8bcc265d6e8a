"""Catalog and operations store on PostgreSQL: the stores know each other in the same way, on each machine."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import text

from order_pipeline.cli.doctor import look_at_reference
from order_pipeline.operations.store import OperationsStore
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.recovery.settling import settle
from order_pipeline.recovery.stores import StoresDisagreeError, notes_of
from order_pipeline.reference.item_locations import item_locations_path, items_loaded_elsewhere, load_item_locations
from order_pipeline.settings import LakeSettings, Settings
from order_pipeline.warehouse.lake.connection import Lake

pytestmark = pytest.mark.costly


@pytest.fixture
def machine(new_postgres_database, tmp_path):
    """The settings of a machine with a data directory of its own, on stores that all of them share."""
    operations, catalog, files = new_postgres_database(), new_postgres_database(), tmp_path / "lake"
    files.mkdir()

    def settings_of(name, *, operations_url=operations):
        return Settings(
            _env_file=None,  # pyright: ignore[reportCallIssue]
            data_dir=tmp_path / name,
            witness_dir=str(tmp_path / f"home of {name}"),
            operations_url=operations_url,
            lake=LakeSettings(catalog=f"postgres:{catalog}", data_path=f"{files}/"),
        )

    return settings_of


def start(settings):
    pipeline = PipelineResource(settings)
    with closing(pipeline.lake), closing(pipeline.operations):
        pipeline.prepare_stores()
    note = notes_of(settings).read()
    assert note is not None
    return note


def test_machines_that_start_at_the_same_moment_agree_on_one_name(machine):
    with ThreadPoolExecutor(2) as pool:
        notes = list(pool.map(start, [machine("one"), machine("two")]))
    assert len({note.installation_id for note in notes}) == 1
    assert start(machine("one")).installation_id == start(machine("three")).installation_id


def test_a_lost_database_stops_every_machine_and_is_settled_once(machine, new_postgres_database):
    start(machine("one"))
    start(machine("two"))
    lost = new_postgres_database()
    replaced = {name: machine(name, operations_url=lost) for name in ("one", "two")}
    for settings in replaced.values():
        with pytest.raises(StoresDisagreeError, match="operations store"):
            start(settings)
    with (
        closing(OperationsStore(lost)) as store,
        closing(Lake(replaced["one"])) as lake,
    ):
        assert settle(replaced["one"], store, lake).epoch == 2
    assert start(replaced["one"]).epoch == start(replaced["two"]).epoch == 2


def test_an_emptied_table_is_an_emptied_store(machine):
    start(machine("one"))
    with closing(OperationsStore(machine("one").resolved_operations_url)) as store, store.writing() as connection:
        connection.execute(text("DELETE FROM installation"))
    with pytest.raises(StoresDisagreeError, match="it is empty"):
        start(machine("one"))


def test_a_machine_without_the_file_of_items_goes_by_what_another_one_loaded(machine):
    one, two = machine("one"), machine("two")
    start(one)
    path = item_locations_path(one)
    path.parent.mkdir()
    with closing(Lake(two)) as lake:
        assert not items_loaded_elsewhere(lake, item_locations_path(two)), "nobody has loaded one"
        path.write_text("source,sku,barcode,bin_location,warehouse,product_name\nkibo,1,,A-1,,\n")
        load_item_locations(lake, path)
        assert items_loaded_elsewhere(lake, item_locations_path(two)) == 1
        assert not items_loaded_elsewhere(lake, path), "who has the file loads it"
    (found,) = look_at_reference(two)
    assert (found.state, found.detail) == ("ok", "1 items in the lake, loaded on another machine")
