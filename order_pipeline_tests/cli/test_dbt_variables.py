"""`dbt-vars`: what the settings decide, as real dbt takes it."""

import json

from order_pipeline.settings import Settings
from order_pipeline.warehouse.sql.project_of_settings import project_for
from order_pipeline_tests.shared_demo import run_command


def test_dbt_gets_every_variable_that_settings_decide(tmp_path, monkeypatch):
    changed = {"ORDER_PIPELINE_PICKING__KIBO": "false", "ORDER_PIPELINE_KIBO__PICK_WHOLE": "shipment"}
    done = run_command(tmp_path, "dbt-vars", **changed)
    assert done.returncode == 0, done.stderr
    variables = json.loads(done.stdout)
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    ours = project_for(Settings(data_dir=tmp_path)).variables
    assert variables.pop("from_settings") is True
    assert "kibo" not in variables["picked_channels"]
    assert variables["kibo_pick_whole"] == "shipment"
    assert {name: ours[name] for name in variables} == json.loads(json.dumps(variables))
