"""The read-back asset and the resolve job, run by Dagster against the fake."""

import dagster as dg
import pytest

from order_pipeline.definitions import build_definitions
from order_pipeline.orchestration.jobs import READ_BACK_JOB
from order_pipeline.orchestration.resolve_job import RESOLVE_JOB, RESOLVE_WAVE_JOB
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.picking.picks import emit_rows, line_of, pick_row

pytestmark = pytest.mark.costly

PICK = "kibo:acme:K1:1"


@pytest.fixture
def definitions(settings):
    pipeline = PipelineResource(settings)
    migrate(pipeline.lake)
    yield build_definitions(settings, pipeline=pipeline)
    pipeline.lake.close()


def run_job(definitions, name, config=None):
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_job_def(name).execute_in_process(
            run_config=config, instance=instance, raise_on_error=False
        )


def test_the_read_back_shows_in_the_lake(settings, store, sandbox, definitions):
    emit_rows(settings, store, [pick_row()], run_id="r")
    assert run_job(definitions, READ_BACK_JOB).success
    pipeline = definitions.resources["pipeline"]
    connection = pipeline.lake.connect()
    assert connection.execute("SELECT scanorders_status_code, scanorders_matches FROM core.pick_status").fetchall() == [
        ("123.0", True)
    ]
    connection.close()


@pytest.fixture
def doubted(settings, store, sandbox):
    """One line whose reply was lost."""
    sandbox.faults.add(Fault(api="scanorders", kind="drop_after", nth=1))
    emit_rows(settings, store, [pick_row()], run_id="r")


@pytest.mark.usefixtures("doubted")
@pytest.mark.parametrize(("who", "state"), [("Eleni", "resolved_sent"), ("", "in_doubt")])
def test_a_doubt_is_resolved_in_the_ui_only_with_a_name(store, definitions, who, state):
    answers = {"pick_id": PICK, "verdict": "sent", "reason": "seen on the screen", "who": who}
    result = run_job(definitions, RESOLVE_JOB, {"ops": {"resolve_pick": {"config": answers}}})
    assert (result.success, line_of(store, PICK).state.value) == (state == "resolved_sent", state)


@pytest.mark.usefixtures("doubted")
@pytest.mark.parametrize(("seen", "state"), [("K1", "resolved_sent"), ("K2", "resolved_not_sent")])
def test_a_wave_in_doubt_is_resolved_in_the_ui_by_what_is_on_the_screen(store, definitions, seen, state):
    answers = {"wave": 1, "seen": [seen], "reason": "seen on the screen", "who": "Eleni"}
    result = run_job(definitions, RESOLVE_WAVE_JOB, {"ops": {"resolve_wave_of_picks": {"config": answers}}})
    assert (result.success, line_of(store, PICK).state.value) == (True, state)
