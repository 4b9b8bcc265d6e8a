"""The small world gives the rows that are recorded; a single changed value is noticed, named and shown."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from order_pipeline_tests.fingerprint.explaining import explain
from order_pipeline_tests.fingerprint.fingerprints import differences, fingerprint_of, recorded
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


@pytest.fixture
def copied_world(small_world: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_world, tmp_path / "copy", ignore=shutil.ignore_patterns("dagster_home")))


def test_the_small_world_gives_the_recorded_rows(small_world: Path) -> None:
    assert differences(recorded("small"), fingerprint_of(small_world)) == []


def test_one_changed_value_of_a_core_row_is_named_and_shown(small_world: Path, copied_world: Path) -> None:
    with changing(copied_world) as connection:
        connection.execute(
            "UPDATE core.parcels SET tracking_number = 'another'"
            " WHERE parcel_id = (SELECT min(parcel_id) FROM core.parcels)"
        )
    found = differences(recorded("small"), fingerprint_of(copied_world))
    assert [line.partition(":")[0] for line in found] == ["core.parcels", "marts.shipment_tracking"]
    shown = "\n".join(explain("core.parcels", small_world, copied_world))
    assert "1 rows only before, 1 only after, 20 equal" in shown
    assert "-> 'another'" in shown


def test_a_pick_that_was_accepted_twice_is_named(copied_world: Path) -> None:
    ledger = copied_world / LEDGER
    first = ledger.read_text(encoding="utf-8").partition("\n")[0]
    ledger.write_text(ledger.read_text(encoding="utf-8") + first + "\n", encoding="utf-8")
    assert differences(recorded("small"), fingerprint_of(copied_world)) == [
        "scanorders.ledger: differs, 160 -> 161 rows"
    ]
