"""Commands where there are two floors: each is named, and a wrong name is an error with the nearest one."""

import json

import pytest

from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.destinations.scanorders_token import StoredToken, save_token
from order_pipeline.operations.store import open_store
from order_pipeline.settings import Settings
from order_pipeline_tests.picking.picks import MORNING, emit_rows, pick_row
from order_pipeline_tests.shared_demo import run_command

TWO = {
    "ORDER_PIPELINE_KIBO__LOCATIONS": '{"110452": "main", "110453": "north"}',
    "ORDER_PIPELINE_FLOORS__NORTH__SEND": "true",
}


@pytest.fixture
def planned(tmp_path):
    """One planned pick at each floor."""
    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data_dir=tmp_path,
        floors={"north": {}},
        kibo=KiboSettings(locations={"110452": "main", "110453": "north"}),
    )
    rows = [pick_row(place, order=f"K{place}", floor=floor) for place, floor in enumerate(["main", "north"])]
    with open_store(settings.resolved_operations_url) as store:
        emit_rows(settings, store, rows, run_id="r")
    return settings


def findings(data_dir, **variables):
    done = run_command(data_dir, "doctor", "--no-online", "--format", "json", **variables)
    return {finding["what"]: finding for finding in json.loads(done.stdout)}


def test_the_list_shows_the_floor_where_there_are_several_and_filters_by_it(planned, tmp_path):
    assert "north" in run_command(tmp_path, "outbox", "list", **TWO).stdout
    done = run_command(tmp_path, "outbox", "list", "--floor", "North", "--format", "json", **TWO)
    assert [row["order_number"] for row in json.loads(done.stdout)] == ["K1"]


def test_one_floor_is_not_shown(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path)  # pyright: ignore[reportCallIssue]
    with open_store(settings.resolved_operations_url) as store:
        emit_rows(settings, store, [pick_row()], run_id="r")
    shown = run_command(tmp_path, "outbox", "list").stdout
    assert ("K1" in shown, "floor" in shown) == (True, False)


@pytest.mark.parametrize(
    "command",
    [
        ("scanorders", "login"),
        ("outbox", "list"),
        ("outbox", "resolve-wave", "1", "--sent", "--reason", "seen", "--who", "Grace"),
    ],
)
def test_a_floor_that_there_is_not_is_an_error_with_the_nearest_name(tmp_path, command):
    done = run_command(tmp_path, *command, "--floor", "nroth", **TWO)
    assert (done.returncode, "did you mean north?" in done.stderr) == (2, True)


def test_doctor_looks_at_each_floor_and_only_at_those_in_use(tmp_path):
    found = findings(tmp_path, **TWO)
    assert "dry run" in found["scanorders main"]["detail"]
    assert found["scanorders north"]["detail"].endswith(": sends")
    assert found["scanorders north login"]["state"] == "missing"
    assert "order-pipeline scanorders login --floor north" in found["scanorders north login"]["detail"]

    only_north = dict.fromkeys([f"ORDER_PIPELINE_{each}__FLOOR" for each in ("KIBO", "SKROUTZ")], "north")
    found = findings(tmp_path, ORDER_PIPELINE_FLOORS__NORTH__SEND="true", **only_north)
    assert [name for name in found if name.startswith("scanorders")] == ["scanorders north", "scanorders north login"]


def test_doctor_finds_two_floors_that_one_user_is_logged_in_to(planned, tmp_path):
    for floor in planned.floor_settings:
        save_token(planned, StoredToken(access_token=f"of-{floor}", obtained_at=MORNING, uid="17x1"), floor)
    found = findings(tmp_path, **TWO)["scanorders login"]
    assert (found["state"], "one user is logged in to the floors main, north" in found["detail"]) == ("failed", True)
    assert "17x1" not in str(found)
