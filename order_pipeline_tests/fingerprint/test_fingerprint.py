"""The small world gives the rows that are recorded; a single changed value is noticed, named and shown."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from order_pipeline_tests.fingerprint.explaining import explain
from order_pipeline_tests.fingerprint.fingerprints import Fingerprint, differences, fingerprint_of, recorded
from order_pipeline_tests.fingerprint.rows import LEDGER_TABLE
from order_pipeline_tests.fingerprint.seams import LEDGER, changing
from order_pipeline_tests.fingerprint.worlds import make_world


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, for all processes of pytest-xdist; copy it to change it."""
    shared = tmp_path_factory.getbasetemp().parent if os.environ.get("PYTEST_XDIST_WORKER") else None
    root = shared or tmp_path_factory.mktemp("fingerprint")
    with FileLock(root / "small_world.lock"):
        make_world("small", root / "small_world")
    return root / "small_world"


@pytest.fixture(scope="module")
def small_fingerprint(small_world: Path) -> Fingerprint:
    return fingerprint_of(small_world)


@pytest.fixture
def copied_world(small_world: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_world, tmp_path / "copy", ignore=shutil.ignore_patterns("dagster_home")))


def test_the_small_world_gives_the_recorded_rows(small_fingerprint: Fingerprint) -> None:
    assert differences(recorded("small"), small_fingerprint) == []


@pytest.mark.slow
def test_a_changed_core_row_and_a_pick_accepted_twice_are_named_and_shown(
    small_world: Path, small_fingerprint: Fingerprint, copied_world: Path
) -> None:
    with changing(copied_world) as connection:
        connection.execute(
            "UPDATE core.parcels SET carrier = 'another' WHERE parcel_id = (SELECT min(parcel_id) FROM core.parcels)"
        )
    ledger = copied_world / LEDGER
    accepted = ledger.read_text(encoding="utf-8").splitlines(keepends=True)
    ledger.write_text("".join([*accepted, accepted[0]]), encoding="utf-8")

    found = differences(small_fingerprint, fingerprint_of(copied_world))
    assert [line.partition(":")[0] for line in found] == ["core.parcels", "marts.shipment_tracking", LEDGER_TABLE]
    assert f"{len(accepted)} -> {len(accepted) + 1} rows" in found[-1]
    shown = "\n".join(explain("core.parcels", small_world, copied_world))
    assert "1 rows only before, 1 only after" in shown
    assert "-> 'another'" in shown
