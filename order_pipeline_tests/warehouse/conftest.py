from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.warehouse.settings_for_tests import settings_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def lake(settings: Settings) -> Iterator[Lake]:
    lake = Lake(settings)
    migrate(lake)
    yield lake
    lake.close()
