"""What `deploy/` names exists: commands, options, settings, files, ports. Units pass systemd's own check."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from order_pipeline.channels import registry
from order_pipeline.settings import Settings
from order_pipeline.settings_names import UnknownSettingError, check_names
from order_pipeline_tests.shared_demo import PROJECT, run_command

DEPLOY = PROJECT / "deploy"
DOCKER = DEPLOY / "docker"
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
PROGRAM = "/srv/order-pipeline/.venv/bin/order-pipeline"
SETTING = re.compile(r"\bORDER_PIPELINE_[A-Z_]+")
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())


def commands_of(unit):
    return re.findall(r"^ExecStart=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


def container_commands():
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    (command,) = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)
    return [["order-pipeline", *yaml.safe_load(command)]]


def unknown_settings(text):
    names = set(SETTING.findall(text))
    try:
        check_names(Settings, sorted(names), {"picking": registry.NAMES})
    except UnknownSettingError as error:
        return str(error)
    return ""


def missing_options(command):
    """Options of the command line that the command's help does not know; the command itself must exist."""
    words = [word for word in command[1:] if not word.startswith(("-", "$")) and not re.search(r"[./0-9]", word)]
    shown = run_command(PROJECT / "no-data", *words, "--help")
    assert shown.returncode == 0, shown.stderr
    return [word for word in command if word.startswith("--") and word not in shown.stdout]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_exists_with_options_that_exist(unit):
    for command in commands_of(unit):
        words = shlex.split(command)
        assert words[0] == PROGRAM
        assert missing_options(words) == []


def test_the_container_starts_a_command_that_exists():
    (command,) = container_commands()
    assert missing_options(command) == []
    assert missing_options([*command, "--no-such-option"]) == ["--no-such-option"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(DEPLOY).as_posix())
def test_every_setting_that_a_file_names_exists(file):
    assert unknown_settings(file.read_text(encoding="utf-8")) == ""


def test_a_misspelt_setting_is_seen():
    assert "ORDER_PIPELINE_DATADIR" in unknown_settings("ORDER_PIPELINE_DATADIR=/data")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_accepts_the_units(tmp_path):
    for unit in DEPLOY.glob("systemd/*"):
        text = unit.read_text(encoding="utf-8").replace(PROGRAM, "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "order-pipeline" in line]) == (0, [])


@pytest.mark.parametrize("timer", sorted(DEPLOY.glob("systemd/*.timer")), ids=lambda timer: timer.name)
def test_a_timer_has_its_service(timer):
    assert timer.with_suffix(".service").exists()


def compose():
    return yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))


def test_compose_mounts_and_waits_for_what_it_declares():
    document = compose()
    services, volumes = document["services"], set(document["volumes"])
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert source in volumes or (DOCKER / source).is_file(), mount
    build = services["pipeline"]["build"]
    assert (DOCKER / build["context"] / build["dockerfile"]).is_file()


def test_only_the_login_proxy_is_reached_from_outside():
    assert {name for name, service in compose()["services"].items() if "ports" in service} == {"proxy"}
    caddy = (DOCKER / "Caddyfile").read_text(encoding="utf-8")
    login, ui = caddy.index("basic_auth"), caddy.index("reverse_proxy pipeline:3000")
    assert login < ui


def test_every_variable_that_compose_wants_is_in_the_example():
    text = (DOCKER / "compose.yaml").read_text(encoding="utf-8")
    example = (DOCKER / "pipeline.env.example").read_text(encoding="utf-8")
    wanted = set(re.findall(r"\$\{([A-Z_]+)", text))
    assert wanted
    assert [name for name in wanted if f"\n{name}=" not in example] == []


def test_what_the_image_copies_exists_and_is_not_ignored():
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    sources = [word for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) for word in line.split()]
    allowed = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert len(sources) > 5
    assert [each for each in sources if not (PROJECT / each).exists()] == []
    assert [each for each in sources if Path(each).parts[0] not in allowed] == []
