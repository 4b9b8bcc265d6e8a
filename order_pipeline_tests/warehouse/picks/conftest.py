from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from order_pipeline.channels.registry import channels
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.tables import ensure_raw_tables
from order_pipeline_tests.warehouse.picks.pick_lists import deploy_marts, load_locations
from order_pipeline_tests.warehouse.settings_for_tests import settings_in


@pytest.fixture(scope="session")
def new_lake_with_marts(migrated_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Lake]:
    """Makes a lake in a directory: no order, the raw tables of all channels, locations of items, and every mart."""
    directory = tmp_path_factory.mktemp("with-marts") / "data"
    shutil.copytree(migrated_directory, directory)
    lake = Lake(settings_in(directory))
    ensure_raw_tables(
        lake, [(channel.name, resource) for channel in channels().values() for resource in channel.resources]
    )
    load_locations(lake)
    deploy_marts(lake)
    lake.close()

    def make(data_dir: Path) -> Lake:
        shutil.copytree(directory, data_dir, dirs_exist_ok=True)
        return Lake(settings_in(data_dir))

    return make


@pytest.fixture
def lake(settings: Settings, new_lake_with_marts: Callable[[Path], Lake]) -> Iterator[Lake]:
    lake = new_lake_with_marts(settings.data_dir)
    yield lake
    lake.close()
