"""A catalog that DuckLake 0.3 wrote (DuckDB 1.4.4): nobody rewrites it without a person's word."""

import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from order_pipeline.recovery.upgrading import rewrite_catalog
from order_pipeline.warehouse.lake.catalog import CatalogFormatError
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.shared_demo import run_command
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

KEPT = Path(__file__).parent / "catalogs" / "format-0.3.tar.gz"
COPY = "catalog-format-0.3.sqlite"


@pytest.fixture
def directory(tmp_path):
    with tarfile.open(KEPT) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path


def call(directory, *arguments):
    return run_command(directory, *arguments, ORDER_PIPELINE_WITNESS_DIR="none")


def test_a_run_stops_with_the_command_and_leaves_the_catalog(directory):
    before = (directory / "catalog.sqlite").read_bytes()
    with closing(Lake(settings_in(directory))) as lake, pytest.raises(CatalogFormatError, match=r"0\.3.* needs 1\.0"):
        migrate(lake)
    told = call(directory, "upgrade")
    assert (told.returncode, "order-pipeline upgrade --yes" in told.stderr) == (1, True)
    assert (directory / "catalog.sqlite").read_bytes() == before


@pytest.mark.slow
def test_it_is_rewritten_when_told_and_kept_as_it_was(directory):
    before = (directory / "catalog.sqlite").stat().st_size
    done = call(directory, "upgrade", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"as it was: {COPY}" in done.stderr
    assert (directory / COPY).stat().st_size == before
    with closing(Lake(settings_in(directory))) as lake:
        assert lake.query("SELECT source, orders FROM core.builds").rows == [("kibo", 1)]


def test_a_rewriting_that_was_killed_is_run_again_and_the_first_copy_stays(directory):
    (directory / COPY).write_bytes(b"the copy of the first attempt")
    settings = settings_in(directory)
    rewrite_catalog(settings, CatalogFormatError("0.3", "1.0"))
    with closing(Lake(settings)) as lake:
        assert lake.query("SELECT count(*) FROM core.builds").rows == [(1,)]
    assert (directory / COPY).read_bytes() == b"the copy of the first attempt"
