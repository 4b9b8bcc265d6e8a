from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.warehouse.settings_for_tests import settings_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture(scope="session")
def migrated_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty lake, made once and copied for each test."""
    directory = tmp_path_factory.mktemp("migrated")
    lake = Lake(settings_in(directory))
    migrate(lake)
    lake.close()
    return directory


@pytest.fixture
def lake(settings: Settings, migrated_directory: Path) -> Iterator[Lake]:
    shutil.copytree(migrated_directory, settings.data_dir, dirs_exist_ok=True)
    lake = Lake(settings)
    yield lake
    lake.close()
