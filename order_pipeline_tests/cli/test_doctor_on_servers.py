"""What `doctor` says of stores on servers that nobody has used yet, or that do not answer. It makes nothing in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from order_pipeline.cli.doctor_days import look_at_owed_days
from order_pipeline.cli.doctor_stores import look_at_stores, look_at_versions, look_at_what_belongs_together
from order_pipeline.settings import LakeSettings, Settings
from order_pipeline.warehouse.lake.connection import Lake

LOOKS = (look_at_stores, look_at_versions, look_at_what_belongs_together, look_at_owed_days)


@pytest.mark.costly
def test_a_catalog_that_is_not_made_yet_is_no_failure_and_is_not_made(tmp_path: Path, postgres_url: str) -> None:
    settings = Settings(data_dir=tmp_path, lake=LakeSettings(catalog=f"postgres:{postgres_url}"))
    found = [finding for look in LOOKS for finding in look(settings)]
    assert [finding for finding in found if finding.state != "ok"] == []
    assert found[0].detail == "PostgreSQL catalog: not made yet, the first run makes it"
    assert not Lake(settings).is_made()
    lake = Lake(settings)
    lake.connect().close()
    assert lake.is_made()
    lake.close()


def test_a_server_that_does_not_answer_is_one(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, lake=LakeSettings(catalog=f"postgres:host={tmp_path} dbname=lake"))
    (lake, _) = look_at_stores(settings)
    assert (lake.what, lake.state) == ("lake", "failed")
