"""The demo is the whole pipeline, for real; a second one finds nothing new and sends nothing twice."""

import json
import os
import subprocess
import sys

import pytest

from order_pipeline.sandbox.kibo.orders import ORDERS_A_DAY
from order_pipeline_tests.shared_demo import SMALL, run_command, run_process


def test_the_first_demo_sends_picks_of_every_channel_and_proves_its_ledger(demo):
    said = (demo.parent / "first_run.txt").read_text()
    assert "proved the picking app's own ledger equals the outbox" in said
    assert "held: " in said
    for job in ("kibo_job", "scansource_job", "skroutz_job", "emission_job"):
        assert f"done  {job}" in said


@pytest.mark.slow
def test_the_second_demo_adds_nothing_and_sends_nothing(demo):
    again = run_process(demo, "demo", *SMALL)
    assert again.returncode == 0, again.stderr
    assert "0 new raw rows, 0 new picks sent" in again.stderr
    assert "each once" in again.stderr


def test_every_channel_fills_core_and_the_outbox(command):
    counted = command("sql", "select source, count(*) as n from core.orders group by 1 order by 1", "--format", "json")
    assert [row["source"] for row in json.loads(counted.stdout)] == ["kibo", "scansource", "skroutz"]
    sent = command(
        "sql", "select distinct source from ops.pick_outbox where state = 'sent' order by 1", "--format", "csv"
    )
    assert sent.stdout.splitlines() == ["source", "kibo", "scansource", "skroutz"]


def test_what_the_outbox_says_is_on_the_floor_is_what_the_fake_wrote_down(demo, command):
    journal = [json.loads(line) for line in (demo / "sandbox" / "scanorders-live.jsonl").read_text().splitlines()]
    accepted = sorted(
        json.dumps(each["fulfilment"]["values"], sort_keys=True) for each in journal if "fulfilment" in each
    )
    answer = command("sql", "select payload from ops.pick_outbox where state = 'sent'", "--format", "json")
    recorded = sorted(json.dumps(json.loads(row["payload"]), sort_keys=True) for row in json.loads(answer.stdout))
    assert recorded == accepted


def test_another_world_is_refused_where_a_demo_is(command):
    refused = command("demo", "--days", "3", "--orders", "1")
    assert refused.returncode == 2
    assert "holds a demo of 2 days x 12 orders" in refused.stderr


def test_a_demo_is_refused_where_real_orders_are(tmp_path):
    (tmp_path / "catalog.sqlite").touch()
    refused = run_command(tmp_path, "demo", *SMALL)
    assert refused.returncode == 2
    assert "fake orders do not belong there" in refused.stderr
    assert not (tmp_path / "demo_world.json").exists()


def test_more_orders_a_day_than_the_fake_has_ids_for_are_refused_before_anything_is_made(tmp_path):
    command = [sys.executable, "-m", "order_pipeline", "demo", "--orders", str(ORDERS_A_DAY + 1)]
    environment = os.environ | {"ORDER_PIPELINE_DATA_DIR": str(tmp_path / "data")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, "--orders" in ended.stderr, list(tmp_path.iterdir())) == (2, True, [])
