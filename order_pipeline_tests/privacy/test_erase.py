"""A person is found wherever they stand, and after an erasure no byte of the stores names them."""

import pytest

from order_pipeline.operations.leases import LeaseHeldError, acquire, release
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.privacy.erase import BOUNDARIES, BuildRunsError, erase
from order_pipeline.privacy.search import find
from order_pipeline.privacy.subjects import Subject, SubjectKind
from order_pipeline.settings import LakeSettings
from order_pipeline.warehouse.core.build_files import running_build
from order_pipeline_tests.privacy.people import (
    EMAIL,
    FIRST,
    KILLED,
    LAST,
    PHONE,
    TRACES,
    make_world,
    order_of_person,
    places_with,
)
from order_pipeline_tests.warehouse.kibo_orders import DAY, receive, rows

pytestmark = pytest.mark.costly

PERSON = Subject(SubjectKind.PHONE, PHONE)


def erased_by(pipeline, subject=PERSON, **options):
    stores = pipeline.settings, pipeline.operations, pipeline.lake, pipeline.project
    return erase(*stores, subject, "data protection officer", "asked by letter", **options)


def found_by(pipeline, subject=PERSON):
    return find(pipeline.settings, pipeline.operations, pipeline.lake, subject)


def totals(pipeline):
    tables = ("core.orders", "core.order_lines", "raw.kibo_orders", "raw.dead_letters", "quarantine.rejects")
    counts = [rows(pipeline.lake, f"SELECT count(*) FROM {table}") for table in tables]
    amounts = rows(pipeline.lake, "SELECT order_id, total_amount, order_status FROM core.orders ORDER BY ALL")
    with pipeline.operations.reading() as store:
        picks = store.exec_driver_sql("SELECT pick_id, state FROM pick_outbox ORDER BY pick_id").fetchall()
    return counts, amounts, picks


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The world, what stood in it before, and what was erased."""
    pipeline = make_world(tmp_path_factory.mktemp("data"))
    before = places_with(pipeline.settings.data_dir), found_by(pipeline), totals(pipeline)
    erased = erased_by(pipeline)
    yield pipeline, before, erased
    pipeline.lake.close()
    pipeline.operations.close()


def test_before_the_person_stands_in_every_place(world):
    _, (places, found, _), _ = world
    names = " ".join(places)
    for place in ("lake/raw/kibo_orders", "lake/core/orders", "lake/raw/dead_letters", "catalog.sqlite", "operations"):
        assert place in names
    assert "dagster_home/history/runs.db" in places
    assert "dagster_home/storage/run/x.err" in places
    for place in ("raw.kibo_orders", "core.orders", "raw.dead_letters", "pick_outbox", "webhook_inbox"):
        assert found.places[place]
    for place in ("catalog: statistics", "files of old snapshots", "Dagster's store", "logs and other files"):
        assert found.places[place]


def test_afterwards_no_byte_names_the_person(world):
    pipeline, _, _ = world
    assert places_with(pipeline.settings.data_dir) == {}


def test_a_search_finds_nothing_and_tells_who_asked(world):
    pipeline, _, _ = world
    found = found_by(pipeline)
    assert found.places == found_by(pipeline, Subject(SubjectKind.ORDER, "3")).places == {}
    assert [(each.requested_by, each.finished_at is not None) for each in found.requests] == [
        ("data protection officer", True)
    ]


def test_ids_amounts_states_and_totals_stay(world):
    pipeline, (_, _, before), _ = world
    assert totals(pipeline) == before


def test_somebody_else_stays(world):
    pipeline, _, _ = world
    assert rows(pipeline.lake, "SELECT ship_to_name FROM core.orders WHERE order_number = '2'") == [("Test User",)]


@pytest.mark.parametrize(
    "subject",
    [
        Subject(SubjectKind.EMAIL, EMAIL),
        Subject(SubjectKind.NAME, f"{LAST} {FIRST.upper()}"),
    ],
)
def test_nothing_else_that_is_known_of_the_person_finds_anything(world, subject):
    pipeline, _, _ = world
    found = found_by(pipeline, subject)
    assert (found.places, found.records) == ({}, 0)


def test_the_same_order_read_again_is_stored_without_the_person(world):
    pipeline, _, _ = world
    versions = rows(pipeline.lake, "SELECT count(*) FROM raw.kibo_orders")
    receive(pipeline.lake, [order_of_person(1, total=99)], run_id="same bytes")
    assert rows(pipeline.lake, "SELECT count(*) FROM raw.kibo_orders") == versions
    receive(pipeline.lake, [order_of_person(1, total=77)], run_id="new bytes")
    pipeline.build_core("kibo", [DAY], "later")
    assert rows(pipeline.lake, "SELECT total_amount, customer_email FROM core.orders WHERE order_number = '1'") == [
        (77, "erased")
    ]
    pipeline.lake.close()
    assert places_with(pipeline.settings.data_dir) == {}


def test_a_second_erasure_changes_nothing(world):
    pipeline, _, _ = world
    assert erased_by(pipeline, Subject(SubjectKind.ORDER, "1")).places == {}


def test_it_does_nothing_while_an_emission_holds_the_lease(world):
    pipeline, _, _ = world
    lease = acquire(pipeline.operations, LEASE_NAME, "an emission", 60)
    with pytest.raises(LeaseHeldError):
        erased_by(pipeline)
    release(pipeline.operations, lease)


def test_it_does_nothing_while_a_build_reads_the_files(world):
    pipeline, _, _ = world
    with running_build(pipeline.lake, "0" * 32), pytest.raises(BuildRunsError):
        erased_by(pipeline)


class KilledError(Exception):
    """Stands for a kill."""


@pytest.mark.slow
@pytest.mark.parametrize("moment", BOUNDARIES)
def test_killed_and_run_again_it_ends_the_same(tmp_path, moment):
    pipeline = make_world(tmp_path)

    def kill(name):
        if name == moment:
            raise KilledError

    with pytest.raises(KilledError):
        erased_by(pipeline, boundary=kill)
    assert erased_by(pipeline).records == 4
    pipeline.lake.close()
    pipeline.operations.close()
    assert places_with(tmp_path, TRACES) == {}


@pytest.mark.slow
def test_nothing_is_left_either_where_catalog_and_operations_are_postgresql(tmp_path, new_postgres_database):
    catalog, operations = f"postgres:{new_postgres_database()}", new_postgres_database()
    pipeline = make_world(tmp_path, lake=LakeSettings(catalog=catalog), operations_url=operations)
    assert found_by(pipeline).places["catalog: statistics"]
    before = totals(pipeline)
    erased_by(pipeline)
    next(tmp_path.rglob(KILLED)).unlink()  # of a killed transaction; nobody here knows whether it still runs elsewhere
    assert found_by(pipeline).places == {}
    assert totals(pipeline) == before
    assert places_with(tmp_path) == {}
    pipeline.lake.close()
    pipeline.operations.close()
