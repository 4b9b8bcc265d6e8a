"""A data directory may have any name that the lake can live with; others are refused, with the reason.

The commands themselves are tried in such a directory by every test of the shared demo (`shared_demo.ODD_NAME`).
"""

import pytest
from pydantic import ValidationError

from order_pipeline.operations.store import open_store
from order_pipeline.orchestration.instance import create_storages
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.shared_demo import ODD_NAME


@pytest.mark.costly
@pytest.mark.parametrize(
    "name", [ODD_NAME, "50%", "what?", "a#b", "Αποθήκη 1", "%s %(here)s", "[a-z]", "**", "x=1;y=2"]
)
def test_every_store_lies_where_the_setting_says(tmp_path, monkeypatch, name):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    settings = Settings(data_dir=tmp_path / name)
    with open_store(settings.resolved_operations_url) as store, store.reading():
        pass
    migrate(Lake(settings))
    assert Lake(settings).query("SELECT count(*) FROM ops.pick_outbox").rows == [(0,)]
    create_storages(settings)
    made = {file.relative_to(tmp_path / name).as_posix() for file in (tmp_path / name).rglob("*")}
    assert {"operations.sqlite", "catalog.sqlite", "dagster_home/history/runs.db"} <= made
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["back\\slash", "bell\a", "source=kibo", "2026/Order_Day=1"])
def test_a_name_that_the_lake_cannot_live_with_is_refused(tmp_path, name):
    with pytest.raises(ValidationError, match="data_dir"):
        Settings(data_dir=tmp_path / name)
