"""Stores that earlier commits wrote: they are read, upgraded and used on, and no pick of theirs is sent twice."""

import json
import shutil
import tarfile
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from order_pipeline.channels.skroutz import action_log  # noqa: F401 - declares a table
from order_pipeline.operations import incidents, refusals  # noqa: F401 - declare tables
from order_pipeline.operations.store import OperationsStore, open_store
from order_pipeline.operations.tables import VERSION_TABLE, metadata
from order_pipeline.operations.versions import StoreVersionError
from order_pipeline.recovery.backup import back_up
from order_pipeline.recovery.backup_files import MANIFEST, BackupError
from order_pipeline.recovery.restore import restore
from order_pipeline.recovery.upgrading import plan_stores
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.warehouse.core.outdated import outdated_days
from order_pipeline.warehouse.lake_columns import read_tables
from order_pipeline.warehouse.migrations import BOOKKEEPING, declared_tables
from order_pipeline_tests.demo_locations import with_demo_locations
from order_pipeline_tests.recovery.installations import WORLD, Installation
from order_pipeline_tests.shared_demo import run_command
from order_pipeline_tests.upgrade.make_store import FACTS, STORES, facts

KEPT = sorted(STORES.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def running_fakes():
    with SandboxServer(days=WORLD.days, orders=WORLD.orders, channels=["kibo", "scanorders"]) as server:
        yield server


@pytest.fixture(params=KEPT, ids=lambda path: path.name.partition(".")[0])
def kept(request, tmp_path, running_fakes):
    """A kept store as it was written, beside a floor that knows nothing: what it gets, it gets from this program."""
    running_fakes.reset()
    with tarfile.open(request.param) as packed:
        packed.extractall(tmp_path / "data", filter="data")
    return Installation(with_demo_locations(tmp_path / "data"), tmp_path / "witness", running_fakes)


def expected(installation):
    return json.loads((installation.data_dir / FACTS).read_text(encoding="utf-8"))


def known(installation):
    """What can be read of the store; what this program's floor accepted is another matter."""
    with open_store(installation.settings.resolved_operations_url):
        pass  # as each command that reads the outbox does
    return json.loads(json.dumps(facts(installation))) | {"accepted": expected(installation)["accepted"]}


def call(installation, *arguments):
    return run_command(
        installation.data_dir,
        *arguments,
        ORDER_PIPELINE_WITNESS_DIR=str(installation.witness_dir),
        ORDER_PIPELINE_SCANSOURCE__ENABLED="false",
        ORDER_PIPELINE_SKROUTZ__ENABLED="false",
    )


def plan_of(installation):
    pipeline = installation.open()
    with closing(pipeline.lake) as lake, closing(pipeline.operations) as store:
        return plan_stores(store, lake)


def prepare(installation):
    """What each run does first."""
    pipeline = installation.open()
    with closing(pipeline.lake), closing(pipeline.operations):
        pipeline.prepare_stores()


def assert_current(installation):
    plan = plan_of(installation)
    assert plan.is_current, list(plan.in_words())


def test_a_store_is_kept_for_every_release():
    assert KEPT


@pytest.mark.costly
def test_it_is_read_upgraded_and_used_on_and_nothing_is_sent_twice(kept):
    before = expected(kept)
    assert known(kept) == before
    sent = {tuple(key) for *key, _count in before["accepted"]}
    assert sent
    kept.read("after the upgrade")
    assert_current(kept)
    assert known(kept) | {"raw_orders": 0} == before | {"raw_orders": 0}
    now_sent = kept.emit().sent
    assert now_sent == len(kept.accepted()) > 0
    assert max(kept.accepted().values()) == 1
    assert not sent & set(kept.accepted())
    assert kept.emit().sent == 0


@pytest.mark.costly
def test_its_tables_are_then_those_of_a_new_store(kept):
    pipeline = kept.open()
    with closing(pipeline.lake) as lake, closing(pipeline.operations) as store:
        pipeline.prepare_stores()
        with store.reading() as connection:
            differences = compare_metadata(MigrationContext.configure(connection), metadata)
        assert [each for each in differences if each[0] != "remove_table"] == []
        with lake.snapshot() as connection:
            found = read_tables(connection, BOOKKEEPING)
    for table, columns in declared_tables().items():
        if table == "core.pick_status":  # written by name
            assert found[table].keys() == columns.keys()
        elif table in BOOKKEEPING:
            assert list(found[table]) == list(columns), f"rows of {table} are inserted by position"


@pytest.mark.costly
def test_the_command_says_what_it_will_do_and_does_it_when_told(kept):
    versions = plan_of(kept)
    planned = call(kept, "upgrade")
    assert planned.returncode == 0, planned.stderr
    assert "becomes version" in planned.stdout
    assert "order-pipeline upgrade --yes" in planned.stderr
    assert max(map(len, [*planned.stdout.splitlines(), *planned.stderr.splitlines()])) <= 80
    assert plan_of(kept) == versions, "nothing was changed"
    assert "store versions" in call(kept, "doctor", "--no-online").stdout
    assert plan_of(kept) == versions, "doctor only looks"
    assert "upgraded" in call(kept, "upgrade", "--yes").stderr
    assert_current(kept)
    assert "up to date" in call(kept, "upgrade").stdout


@pytest.mark.costly
def test_a_backup_of_it_is_left_as_old_and_a_restore_upgrades_it(kept, tmp_path):
    versions = plan_of(kept)
    made = back_up(kept.settings, tmp_path / "backups")
    assert plan_of(kept) == versions, "a backup only reads"
    shutil.rmtree(kept.data_dir)
    assert restore(kept.settings, tmp_path / "backups").generation == made.generation
    assert_current(kept)
    with closing(OperationsStore(kept.settings.resolved_operations_url)) as store, store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pick_outbox").scalar_one() > 0


@pytest.mark.costly
def test_a_store_of_a_newer_program_stops_a_run_before_anything_is_written(kept):
    prepare(kept)
    with closing(OperationsStore(kept.settings.resolved_operations_url)) as store, store.writing() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    accepted = kept.accepted()
    for stopped in (lambda: prepare(kept), kept.emit, lambda: back_up(kept.settings, kept.data_dir.parent / "backups")):
        with pytest.raises(StoreVersionError, match="version 9999"):
            stopped()
    assert kept.accepted() == accepted
    told = call(kept, "upgrade")
    assert (told.returncode, "Run the newer version" in told.stderr) == (1, True)
    assert "version 9999" in call(kept, "doctor", "--no-online", "--format", "json").stdout


@pytest.mark.costly
def test_a_backup_of_a_newer_program_is_refused_before_anything_is_touched(kept, tmp_path):
    made = back_up(kept.settings, tmp_path / "backups")
    manifest = json.loads((made.generation / MANIFEST).read_bytes())
    (made.generation / MANIFEST).write_text(json.dumps(manifest | {"lake_version": 9999}), encoding="utf-8")
    before = sorted(kept.data_dir.iterdir())
    with pytest.raises(BackupError, match=r"lake of this backup has version 9999.* Nothing was touched"):
        restore(kept.settings, tmp_path / "backups", replace=True)
    assert sorted(kept.data_dir.iterdir()) == before


@pytest.mark.costly
def test_days_that_older_sql_built_are_listed_and_built_again(kept):
    prepare(kept)
    with closing(kept.open().lake) as lake, lake.transaction("as older SQL built it") as connection:
        connection.execute("UPDATE core.builds SET fingerprint = 'older'")
    listed = call(kept, "upgrade")
    assert "kibo" in listed.stdout
    assert "order-pipeline rebuild" in listed.stderr
    assert "rebuild_job" in listed.stderr
    rebuilt = call(kept, "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert "done  rebuild_job" in rebuilt.stderr
    assert known(kept) == expected(kept)
    with closing(kept.open().lake) as lake:
        assert outdated_days(lake, kept.open().project, ["kibo"]) == {}
