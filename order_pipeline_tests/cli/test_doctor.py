"""`doctor --online` against the fakes over real HTTP: every door that opens is said to, and every closed one how."""

from __future__ import annotations

import json

import pytest

from order_pipeline.cli.demo_sandbox import RunningSandbox
from order_pipeline.cli.demo_world import DemoWorld
from order_pipeline.http.environment import CERTIFICATE_VARIABLES
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline_tests.demo_locations import with_demo_locations
from order_pipeline_tests.shared_demo import run_command

WORLD = DemoWorld(days=1, orders=4, seed=7, port=0)
ONLINE = ("kibo online", "scansource online", "skroutz online", "scanorders online")
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def groups():
    """Settings that reach the fakes, by group."""
    with SandboxServer(days=WORLD.days, orders=WORLD.orders) as server:
        yield RunningSandbox(server.url).settings_groups(WORLD)


@pytest.fixture
def examine(groups, tmp_path):
    """Run the command with one group's settings changed; the exit code and the findings by their name."""

    def run(group="kibo", *, variables=None, **changes):
        stated = {**groups, group: {**groups[group], **changes}}
        environment = {f"ORDER_PIPELINE_{name.upper()}": json.dumps(fields) for name, fields in stated.items()}
        environment |= variables or {}
        done = run_command(with_demo_locations(tmp_path), "doctor", "--online", "--format", "json", **environment)
        return done.returncode, {finding["what"]: finding for finding in json.loads(done.stdout)}

    return run


def test_every_door_opens_with_the_right_keys(examine):
    code, found = examine()
    assert {name: found[name]["state"] for name in ONLINE} == dict.fromkeys(ONLINE, "ok")
    assert "1000047110" in found["scansource online"]["detail"]
    assert code == 0


@pytest.mark.parametrize(
    ("group", "wrong", "what_came", "what_to_do"),
    [
        ("kibo", {"api_secret": "wrong-secret-1"}, "401", "ORDER_PIPELINE_KIBO__API_SECRET"),
        (
            "scansource",
            {"subscription_key": "wrong-key-1"},
            "key is refused",
            "ORDER_PIPELINE_SCANSOURCE__SUBSCRIPTION_KEY",
        ),
        ("scansource", {"client_secret": "wrong-secret-1"}, "401", "ORDER_PIPELINE_SCANSOURCE__CLIENT_SECRET"),
        ("scansource", {"customer_numbers": ["1000047110", "77"]}, "77", "ORDER_PIPELINE_SCANSOURCE__CUSTOMER_NUMBERS"),
        ("scansource", {"customer_numbers": ["12345678901"]}, "'12345678901'", "Correct this setting"),
        ("scansource", {"paths": {"customer": "/no/such/path"}}, "no such path", "ORDER_PIPELINE_SCANSOURCE__PATHS"),
        ("skroutz", {"token": "wrong-token-1"}, "401", "ORDER_PIPELINE_SKROUTZ__TOKEN"),
        ("scanorders", {"access_token": "wrong-token-1"}, "401", "order-pipeline scanorders login"),
        ("kibo", {"base_url": NOBODY, "token_url": NOBODY}, "onnect", "ORDER_PIPELINE_KIBO__BASE_URL"),
        ("scansource", {"base_url": NOBODY, "token_url": NOBODY}, "onnect", "ORDER_PIPELINE_SCANSOURCE__BASE_URL"),
        ("skroutz", {"base_url": NOBODY}, "onnect", "ORDER_PIPELINE_SKROUTZ__BASE_URL"),
        ("scanorders", {"base_url": NOBODY}, "onnect", "ORDER_PIPELINE_SCANORDERS__BASE_URL"),
    ],
)
def test_a_closed_door_says_what_came_and_what_to_do_and_hides_the_key(examine, group, wrong, what_came, what_to_do):
    code, found = examine(group, **wrong, rate={"requests_per_second": None, "attempts": 1})
    finding = found[f"{group} online"]
    assert (code, finding["state"]) == (1, "failed")
    assert what_came in finding["detail"]
    assert what_to_do in finding["next_step"]
    assert finding["next_step"] not in finding["detail"]
    assert not any(f"wrong-{kind}-1" in str(finding) for kind in ("secret", "key", "token"))
    others = [name for name in ONLINE if name != f"{group} online"]
    assert {found[name]["state"] for name in others} == {"ok"}


def test_nothing_is_asked_of_a_channel_that_is_off_or_of_a_floor_without_a_login(examine):
    _, found = examine("skroutz", enabled=False)
    assert "skroutz online" not in found
    _, found = examine("scanorders", access_token=None)
    assert "scanorders online" not in found
    assert "order-pipeline scanorders login" in found["scanorders login"]["detail"]


def test_the_key_alone_opens_the_legacy_generation(examine, groups):
    legacy = {"generation": "legacy", "base_url": f"{groups['scansource']['base_url']}/api"}
    code, found = examine("scansource", **legacy, client_id=None, client_secret=None)
    assert (found["scansource"]["state"], found["scansource online"]["state"], code) == ("ok", "ok", 0)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"NO_PROXY": "::1", "HTTPS_PROXY": "http://proxy.example:3128"}, None),
        ({"NO_PROXY": "10.0.0.0/99", "HTTPS_PROXY": "http://proxy.example:3128"}, "10.0.0.0/99"),
        ({"ALL_PROXY": "socks5://user:hunter2@proxy:1080"}, "ALL_PROXY"),
        ({"HTTP_PROXY": "http://user:hunter2@proxy:x"}, "HTTP_PROXY"),
        ({"SSL_CERT_FILE": "/nowhere/ca.pem"}, "SSL_CERT_FILE=/nowhere/ca.pem"),
        ({"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"}, "REQUESTS_CA_BUNDLE=/nowhere/ca.pem"),
    ],
)
def test_a_wrong_environment_is_named_and_keeps_no_other_finding_back(examine, monkeypatch, variables, named):
    for name in CERTIFICATE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    _, found = examine(variables=variables)
    assert {found[name]["state"] for name in ONLINE} == {"ok"}  # the fakes are on loopback
    wrong = [each for each in found.values() if each["what"] in {"proxy", "certificates"} and each["state"] != "ok"]
    assert [named in each["detail"] for each in wrong] == ([True] if named else [])
    assert "hunter2" not in str(found)


def test_what_a_wrong_environment_keeps_from_being_asked_is_a_finding(examine):
    code, found = examine("skroutz", base_url="https://api.example.com", variables={"ALL_PROXY": "socks5://proxy"})
    assert (code, found["skroutz online"]["state"]) == (1, "failed")
    assert "ALL_PROXY=socks5://proxy" in found["skroutz online"]["detail"]
    assert found["kibo online"]["state"] == "ok"


@pytest.mark.costly
def test_a_demo_lacks_nothing_that_a_demo_has_not(command):
    done = command("doctor", "--no-online", "--format", "json")
    found = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert {finding["state"] for finding in found.values()} <= {"ok", "off", "waits"}
    assert "fake" in found["kibo"]["detail"]
    assert done.returncode == 0
