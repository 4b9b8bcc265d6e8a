"""`serve`: what it refuses, what its health endpoint says, and, with the real services, that it keeps them alive."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import filelock
import httpx
import psutil
import pytest

from order_pipeline.cli.demo_world import free_port
from order_pipeline.cli.serve import LOCK_NAME
from order_pipeline.cli.service_health import Watched, ask_daemons, ask_over_http, build_health_app
from order_pipeline.cli.supervisor import Service
from order_pipeline.serving.same_origin import AllowedHosts
from order_pipeline_tests.cli.test_process_group import processes_with
from order_pipeline_tests.shared_demo import PROJECT, run_command
from order_pipeline_tests.waiting import wait_until

TOKEN = "a-token-of-more-than-32-characters-for-a-test"
NOW = datetime.now(UTC)


def watched(name, wrong="", *, runs=True):
    service = Service(name, ["true"], guardian_id=1 if runs else None, started_at=NOW)
    return Watched(service, lambda _started: wrong)


def answered(host, *services):
    async def ask():
        transport = httpx.ASGITransport(build_health_app(services, AllowedHosts.of(["health"], addresses=True)))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.get("/health")

    return asyncio.run(ask())


def asked(*services):
    answer = answered("health", *services)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 421), ("health.evil.example", 421), ("localhost:3001", 200), ("10.0.0.7:3001", 200)],
)
def test_health_is_told_under_our_own_names_and_addresses_alone(host, status):
    assert answered(host, watched("daemon")).status_code == status


def test_health_is_good_only_if_every_service_does_its_work():
    assert asked(watched("webserver"), watched("daemon"))[0] == 200
    code, told = asked(watched("webserver"), watched("daemon", "silent: SENSOR"))
    assert (code, told["healthy"]) == (503, False)
    assert told["services"]["webserver"]["healthy"]
    assert told["services"]["daemon"]["detail"] == "silent: SENSOR"


def test_a_service_that_waits_for_its_next_start_is_not_asked():
    code, told = asked(watched("receiver", runs=False))
    assert code == 503
    assert "does not run" in told["services"]["receiver"]["detail"]


def test_a_daemon_is_silent_until_it_was_heard_of_since_its_start():
    now = datetime.now(UTC)

    def told(heard):
        return ask_daemons(lambda: heard)(now)

    assert told({"SENSOR": now, "SCHEDULER": now}) == ""
    assert told({"SENSOR": now, "SCHEDULER": None}) == "silent: SCHEDULER"
    assert told({"SENSOR": now - timedelta(seconds=1)}) == "silent: SENSOR", "a sign of life of the one before"
    assert ask_daemons(lambda: {"SENSOR": now - timedelta(minutes=6)})(now - timedelta(days=1)) == "silent: SENSOR"


def test_a_store_of_dagster_that_cannot_be_read_is_told_without_its_words():
    def fail():
        raise OSError("postgresql://user:secret@db")

    assert ask_daemons(fail)(NOW) == "Dagster's store cannot be read (OSError)"


def test_an_address_that_nobody_answers_is_told():
    port = free_port()
    assert ask_over_http(f"http://127.0.0.1:{port}/ready")(NOW) == (
        f"http://127.0.0.1:{port}/ready does not answer (ConnectError)"
    )


def test_a_demo_is_sent_to_the_ui(command):
    done = command("serve")
    assert done.returncode == 2
    assert "order-pipeline ui" in done.stderr


def test_webhooks_without_a_token_are_refused_before_anything_starts(tmp_path):
    done = run_command(tmp_path, "serve")
    assert done.returncode == 2
    assert "--no-webhooks" in done.stderr


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_command(tmp_path, "serve", "--no-webhooks", "--port", port)
    assert done.returncode == 2
    assert f"The UI cannot listen on 127.0.0.1:{port}" in done.stderr


def test_a_second_one_on_the_same_directory_is_refused(tmp_path):
    ports = ["--port", str(free_port()), "--health-port", str(free_port())]
    with filelock.FileLock(tmp_path / LOCK_NAME):
        done = run_command(tmp_path, "serve", "--no-webhooks", *ports)
    assert done.returncode == 1
    assert "Another `order-pipeline serve` runs" in done.stderr


@pytest.mark.slow
def test_the_real_services_are_kept_alive_and_end_without_a_trace(tmp_path):
    ports = {name: free_port() for name in ("ui", "health", "receiver")}
    data_dir, log = tmp_path / "data-of-the-serve-test", tmp_path / "log.txt"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORDER_PIPELINE_")}
    environment = {
        "ORDER_PIPELINE_DATA_DIR": str(data_dir),
        "ORDER_PIPELINE_WEBHOOKS__PORT": str(ports["receiver"]),
        "ORDER_PIPELINE_WEBHOOKS__SECRET_PATH_TOKEN": TOKEN,
        "PYTHONPATH": str(PROJECT),
    }
    command = [sys.executable, "-m", "order_pipeline", "serve"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(ports["ui"]), "--health-port", str(ports["health"])],
            cwd=tmp_path,
            env=inherited | environment,
            stdout=output,
            stderr=output,
        )

    def health():
        try:
            return httpx.get(f"http://127.0.0.1:{ports['health']}/health", timeout=20).json()
        except httpx.HTTPError:
            return {"healthy": False, "services": {}}

    def is_healthy_with(ends):
        found = health()
        return found["healthy"] and found["services"]["receiver"]["ends"] == ends

    try:
        wait_until(lambda: is_healthy_with(0))
        assert set(health()["services"]) == {"webserver", "daemon", "receiver"}
        (receiver,) = [
            each
            for each in psutil.Process(process.pid).children(recursive=True)
            if each.cmdline()[-2:] == ["webhooks", "serve"] and "order_pipeline.cli.process_group" not in each.cmdline()
        ]
        receiver.kill()
        wait_until(lambda: is_healthy_with(1))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
    assert processes_with(str(data_dir)) == set()
    said = log.read_text()
    assert "receiver: ended (killed by signal 9); starts again in 1 s" in said
    assert "Traceback" not in said
    assert TOKEN not in said
