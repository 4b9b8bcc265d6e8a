"""The same actions from the command line and as a job, against the strict fake: dry first, refusals shown."""

import os
from pathlib import Path

import pytest

from order_pipeline.channels.skroutz.action_log import skroutz_actions
from order_pipeline.channels.skroutz.channel import CHANNEL
from order_pipeline.operations.store import OperationsStore
from order_pipeline.orchestration.action_job import build_action_job
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.skroutz.fake import SkroutzChannel
from order_pipeline.settings import load_settings
from order_pipeline_tests.shared_demo import run_command


@pytest.fixture
def book(tmp_path, monkeypatch):
    with SandboxServer(seed=3, orders=18, days=3, channels=["skroutz"]) as server:
        channel = server.channels["skroutz"]
        assert isinstance(channel, SkroutzChannel)
        settings = {
            "DATA_DIR": str(tmp_path),
            "SKROUTZ__BASE_URL": server.channel_url("skroutz"),
            "SKROUTZ__TOKEN": channel.token,
            "SKROUTZ__ACTIONS_ENABLED": "true",
            "SKROUTZ__RATE": '{"requests_per_second": null}',
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"ORDER_PIPELINE_{name}", value)
        channel.book.settle()
        yield channel.book


def order_in(book, state):
    return next(
        order
        for order in book.orders.values()
        if order["state"] == state and not (order["express"] or order["store_pickup"] or order["fulfilled_by_skroutz"])
    )


def run(*arguments):
    """The command with the settings of the test's environment."""
    stated = {name: value for name, value in os.environ.items() if name.startswith("ORDER_PIPELINE_")}
    return run_command(Path(stated.pop("ORDER_PIPELINE_DATA_DIR")), "skroutz", *arguments, **stated)


def run_as_maria(*arguments):
    return run(*arguments, "--who", "Maria")


def act(**config):
    settings = load_settings()
    assert CHANNEL.commands is not None
    return build_action_job(CHANNEL, CHANNEL.commands).execute_in_process(
        run_config={"ops": {"act_on_order": {"config": {"who": "Maria", **config}}}},
        resources={"pipeline": PipelineResource(settings)},
        raise_on_error=False,
    )


def outcomes():
    store = OperationsStore(load_settings().resolved_operations_url)
    with store.reading() as connection:
        return [row["outcome"] for row in connection.execute(skroutz_actions.select()).mappings()]


def test_the_command_line_is_dry_until_told_otherwise(book):
    order = order_in(book, "open")
    location = order["accept_options"]["pickup_location"][0]["id"]
    dry = run_as_maria("accept", order["code"], "--location", location, "--window", "1")
    assert (dry.returncode, order["state"]) == (0, "open"), dry.stdout
    assert "dry_run: accept" in dry.stdout

    real = run_as_maria("accept", order["code"], "--location", location, "--window", "1", "--send")
    assert (real.returncode, order["state"]) == (0, "accepted"), real.stdout
    assert outcomes() == ["dry_run", "done"]


def test_without_a_choice_the_choices_are_shown(book):
    result = run_as_maria("accept", order_in(book, "open")["code"], "--send")
    assert result.returncode != 0
    assert "possible: wh4Rn8Qz1a" in result.stderr


def test_a_refusal_is_shown_and_ends_with_an_error(book):
    order = order_in(book, "accepted")
    order["courier"] = "ACS"
    result = run_as_maria("ready", order["code"], "--send")
    assert result.returncode == 1
    assert "Order is not eligible to be marked as ready" in result.stdout


@pytest.mark.costly
def test_the_job_does_the_same(book):
    order = order_in(book, "open")
    line = order["line_items"][0]["id"]
    assert act(code=order["code"], action="reject", lines=[f"{line}:1"]).success
    assert order["state"] == "open"
    assert not act(code=order["code"], action="reject", lines=[f"{line}:x"], send=True).success
    assert not act(code=order["code"], action="dance", send=True).success
    assert act(code=order["code"], action="reject", lines=[f"{line}:1"], send=True).success
    assert order["state"] == "rejected"
    assert outcomes() == ["dry_run", "done"]


@pytest.mark.costly
def test_a_list_of_codes_is_read_into_raw(book, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text("code;total\n" + "".join(f"{code};1\n" for code in book.orders))
    first = run("recover", str(path))
    assert first.returncode == 0, first.stderr
    assert f"{len(book.orders)} first seen" in first.stdout
    assert "0 new rows" in run("recover", str(path)).stdout
    assert run("recover", str(path), "--column", "nothing").returncode == 2
