"""A channel that is added by what docs/add-a-channel.md says, and by nothing else, is read, staged, checked, picked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from order_pipeline.channels.registry import NAMES
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.architecture.mentions import is_of_a_channel, names_in_python, names_in_sql, names_in_yml
from order_pipeline_tests.channels.walk import ROOT, Step, copy_repository, steps_of, take
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

NAME = "cornershop"
STEPS = steps_of(ROOT / "docs/add-a-channel.md")
READERS = {".py": names_in_python, ".sql": names_in_sql, ".yml": names_in_yml}
SHOWN = """
import json
from order_pipeline.definitions import build_definitions
from order_pipeline.settings import load_settings

definitions = build_definitions(load_settings())
graph = definitions.resolve_asset_graph()
print(json.dumps({
    "assets": sorted(key.to_user_string() for key in graph.get_all_asset_keys()),
    "checks": sorted(key.to_user_string() for key in graph.asset_check_keys),
    "jobs": sorted(job.name for job in definitions.resolve_all_job_defs()),
    "schedules": {schedule.name: schedule.cron_schedule for schedule in definitions.schedules},
}))
"""


class House:
    """A copy of the repository with the new channel, and a data directory of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ORDER_PIPELINE_")},
            "PYTHONPATH": str(root),
            "ORDER_PIPELINE_DATA_DIR": str(root / "data"),
            "ORDER_PIPELINE_CORNERSHOP__FOLDER": str(root / "incoming"),
            "ORDER_PIPELINE_SCHEDULE__FIRST_DAY": "2026-01-01",
        }

    def python(self, *arguments: str) -> str:
        """Run Python in the copy; what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, query: str) -> list[dict[str, object]]:
        """The rows that the lake answers; whoever asks, so no process of the copy is started for it."""
        answer = Lake(settings_in(self.root / "data")).query(query)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The walk, taken: two orders wait in the folder, and a file that is no order."""
    root = tmp_path_factory.mktemp("house")
    copy_repository(root)
    for step in STEPS:
        take(step, root)
    order = {"placed": "2026-01-14T09:30:00+02:00", "currency": "EUR"}
    mug = {"id": "1", "item": "MUG-1", "name": "Mug", "pieces": 2, "price": "4.50"}
    files = {
        "1": {"number": "CS-1", "state": "paid", **order, "lines": [mug]},
        "2": {"number": "CS-2", "state": "odd", **order, "lines": [{**mug, "pieces": "two", "colour": "blue"}]},
    }
    (root / "incoming").mkdir()
    for name, content in files.items():
        (root / "incoming" / f"{name}.json").write_text(json.dumps(content))
    (root / "incoming" / "3.json").write_text("{")
    (root / "data" / "reference").mkdir(parents=True)
    (root / "data" / "reference" / "item_locations.csv").write_text(
        "source,sku,barcode,bin_location,warehouse,product_name\ncornershop,MUG-1,5201234567898,A-01,MAIN,Mug\n"
    )
    return House(root)


@pytest.fixture(scope="module")
def run(house: House) -> House:
    """The channel's orders from the folder to the picks."""
    house.python("-m", "order_pipeline", "run", "--source", NAME, "--from", "2026-01-14", "--to", "2026-01-14")
    return house


def test_the_walk_adds_folders_of_the_channel_and_lines_in_two_files():
    new = [Path(step.path) for step in STEPS if step.action == "new"]
    assert all(is_of_a_channel(path, [NAME]) for path in new)
    changed = {step.path for step in STEPS if step.action != "new"}
    assert changed == {"order_pipeline/channels/registry.py", "dbt_style_sql/seeds/status_mappings.csv"}
    assert [step.text for step in STEPS if step.action == "insert"] == [f'    "{NAME}",\n']


@pytest.mark.costly
def test_the_rest_of_the_repository_does_not_know_the_channel():
    assert NAME not in NAMES
    mentions = [
        path
        for folder in ("order_pipeline", "dbt_style_sql")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in READERS and list(READERS[path.suffix](path.read_text(encoding="utf-8"), [NAME]))
    ]
    assert mentions == []


def test_what_the_page_shows_is_clean(house: House):
    ruff, folder = Path(sys.executable).parent / "ruff", f"order_pipeline/channels/{NAME}"
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([ruff, *command, folder], cwd=house.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.costly
def test_every_file_is_received_and_what_has_no_key_is_kept(run: House):
    assert run.ask("select record_id, partition_day from raw.cornershop_orders order by 1") == [
        {"record_id": "CS-1", "partition_day": date(2026, 1, 14)},
        {"record_id": "CS-2", "partition_day": date(2026, 1, 14)},
    ]
    assert run.ask("select rule from raw.dead_letters where source = 'cornershop'") == [{"rule": "bad_json"}]
    [report] = run.ask("select records, complete from raw.fetches where source = 'cornershop'")
    assert report == {"records": 3, "complete": True}


@pytest.mark.costly
def test_orders_are_staged_by_their_status_texts_and_checked(run: House):
    found = run.ask("select order_number, order_status from core.orders where source = 'cornershop' order by 1")
    assert [(row["order_number"], row["order_status"]) for row in found] == [("CS-1", "accepted"), ("CS-2", "unknown")]
    rejects = run.ask("select table_name, rule, field, value from quarantine.rejects order by table_name")
    assert [tuple(row.values()) for row in rejects] == [
        ("order_lines", "bad_number", "quantity_ordered", "two"),
        ("raw.cornershop_orders", "bad_json", "$", "DecodeError"),
    ]
    warned = run.ask("select rule from quarantine.warnings where source = 'cornershop'")
    assert "unknown_status" in {row["rule"] for row in warned}
    drift = run.ask("select container, key_name from staging.stg_cornershop__unknown_keys")
    assert drift == [{"container": "$.lines[*]", "key_name": "colour"}]


@pytest.mark.costly
def test_the_paid_order_is_planned_for_the_floor(run: House):
    [pick] = run.ask("select order_number, sku, bin_location, quantity, hold_reason from marts.pick_lines")
    assert (pick["order_number"], pick["bin_location"], pick["hold_reason"]) == ("CS-1", "A-01", None)
    assert run.ask("select order_number from ops.pick_outbox") == [{"order_number": "CS-1"}]


@pytest.mark.costly
def test_dagster_shows_the_channel_like_the_others(house: House):
    shown = json.loads(house.python("-c", SHOWN))
    assets = {name.replace(NAME, "*") for name in shown["assets"] if NAME in name}
    assert {"raw/*/orders", "core/*", "staging/*"} <= assets
    checks = {name.replace(NAME, "*") for name in shown["checks"] if NAME in name}
    assert {"raw/*/orders:windows_proved_complete", "core/*:orders_contract_holds"} <= checks
    assert {f"{NAME}_job", f"{NAME}_core_job"} <= set(shown["jobs"])
    assert shown["schedules"][f"{NAME}_hourly"] == "50 * * * *"


@pytest.mark.costly
def test_doctor_asks_the_channel(house: House):
    done = subprocess.run(
        [sys.executable, "-m", "order_pipeline", "doctor", "--format", "json"],
        cwd=house.root,
        env=house.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {finding["what"]: finding["state"] for finding in json.loads(done.stdout)}
    assert (found[NAME], found[f"{NAME} online"]) == ("ok", "ok")


def test_a_step_that_cannot_be_taken_is_an_error(tmp_path: Path):
    (tmp_path / "there.py").write_text("NAMES = (\n")
    with pytest.raises(ValueError, match="there already"):
        take(Step("new", "there.py", "", ""), tmp_path)
    with pytest.raises(ValueError, match="0 times"):
        take(Step("insert", "there.py", "CHANNELS = (", ""), tmp_path)
