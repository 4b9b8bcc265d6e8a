"""The report is an asset of its own job: made when somebody asks, with its tables as a preview."""

from pathlib import Path

import dagster as dg
import pytest

from order_pipeline.definitions import build_definitions
from order_pipeline.orchestration.jobs import EMISSION_JOB, READ_BACK_JOB, REPORT_JOB
from order_pipeline.orchestration.specs import REPORT_KEY
from order_pipeline.settings import Settings


def test_no_job_but_its_own_makes_the_report(tmp_path):
    definitions = build_definitions(Settings(data_dir=tmp_path))
    made_by = {
        job.name for job in definitions.resolve_all_job_defs() if REPORT_KEY in job.asset_layer.selected_asset_keys
    }
    assert made_by - {"__ASSET_JOB"} == {REPORT_JOB}
    assert {EMISSION_JOB, READ_BACK_JOB} <= {job.name for job in definitions.resolve_all_job_defs()}


@pytest.mark.costly
def test_it_writes_the_file_and_shows_its_tables(tmp_path):
    definitions = build_definitions(Settings(data_dir=tmp_path))
    with dg.DagsterInstance.ephemeral() as instance:
        done = definitions.resolve_job_def(REPORT_JOB).execute_in_process(instance=instance)
        [made] = done.get_asset_materialization_events()
    metadata = made.materialization.metadata
    file = Path(str(metadata["file"].value))
    assert file == tmp_path / "reports/report.html"
    assert "Backlog by age" in file.read_text("utf-8")
    assert "### Margin\n\nFrom `marts.order_margin`" in str(metadata["preview"].value)
