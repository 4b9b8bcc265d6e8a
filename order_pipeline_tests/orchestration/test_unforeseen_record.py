"""What people see of a record that no build could take: an error of the check, metadata, `trace`, `doctor`."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import shutil

import dagster as dg
import pytest

from order_pipeline.channels import registry
from order_pipeline.cli.doctor import look_at_what_waits
from order_pipeline.orchestration.assets.core import QUARANTINE_CHECK, build_core_assets
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.settings import Settings
from order_pipeline.story.tell import tell_stories
from order_pipeline.warehouse.sql.project import PROJECT_DIRECTORY, SqlProject
from order_pipeline_tests.warehouse.kibo_orders import kibo_order, receive
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

pytestmark = pytest.mark.costly

_TRAP = "SELECT * FROM (\n{model}\n) WHERE CASE WHEN raw_record_id = '666' THEN error('trapped')::BOOLEAN ELSE true END"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_in(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def built(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> dg.ExecuteInProcessResult:
    """A run of Kibo's core over a day with one record at which a model fails."""
    directory = tmp_path_factory.mktemp("trapped") / "project"
    shutil.copytree(PROJECT_DIRECTORY, directory, ignore=shutil.ignore_patterns("target"))
    file = directory / "models" / "staging" / "kibo" / "stg_kibo__orders.sql"
    file.write_text(_TRAP.format(model=file.read_text()))
    pipeline = PipelineResource(settings)
    pipeline.project = SqlProject(directory)
    pipeline.prepare_stores()
    receive(pipeline.lake, [kibo_order(1), kibo_order(666), kibo_order(2)])
    partitions = dg.DailyPartitionsDefinition("2026-01-01")
    assets = build_core_assets(registry.channels()["kibo"], pipeline.project, partitions)
    result = dg.materialize([assets], partition_key="2026-01-05", resources={"pipeline": pipeline})
    pipeline.lake.close()
    return result


def test_the_check_is_an_error_and_the_run_goes_on(built: dg.ExecuteInProcessResult) -> None:
    assert built.success
    (check,) = [each for each in built.get_asset_check_evaluations() if each.check_name == QUARANTINE_CHECK]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "unforeseen" in (check.description or "")


def test_the_checks_metadata_counts_it(built: dg.ExecuteInProcessResult) -> None:
    (check,) = [each for each in built.get_asset_check_evaluations() if each.check_name == QUARANTINE_CHECK]
    assert check.metadata["unforeseen records"].value == 1
    assert check.metadata["chunks built in halves"].value


def test_doctor_and_trace_name_it(built: dg.ExecuteInProcessResult, settings: Settings) -> None:
    (quarantine,) = [each for each in look_at_what_waits(settings) if each.what == "quarantine"]
    assert (quarantine.state, quarantine.detail) == ("waits", "kibo 1 (1 unforeseen)")
    (facts,) = tell_stories(settings, "666").stories
    assert facts["verdict"].startswith("Not picked: core cannot be built from it (unforeseen on record)")


def test_it_stands_among_the_exceptions(built: dg.ExecuteInProcessResult, settings: Settings) -> None:
    pipeline = PipelineResource(settings)
    pipeline.deploy_models()
    found = pipeline.lake.query("SELECT kind, subject, reason FROM marts.exceptions WHERE reason = 'unforeseen'").rows
    assert found == [("reject", "raw.kibo_orders 666", "unforeseen")]
    pipeline.lake.close()
