"""Each layer is broken in turn, by what libraries really raise, over orders and settings full of canaries: none sings.

`PLACES` lists everything that is searched. What holds the data itself (raw, core, inbox, outbox) is not a place.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
import sqlalchemy

from order_pipeline.alerts.kinds import Kind
from order_pipeline.alerts.watch import Look, look_everywhere
from order_pipeline.channels.base import Window
from order_pipeline.definitions import build_definitions
from order_pipeline.http.settings import RateSettings
from order_pipeline.orchestration import launch
from order_pipeline.orchestration.failed_runs import find_failed_runs
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.stage import records_of_chunk, stage_chunk
from order_pipeline_tests.demo_locations import with_demo_locations
from order_pipeline_tests.redaction.canary_world import (
    canary,
    fields_with_canaries,
    found_in,
    found_in_data_directory,
    found_in_files,
    found_in_lake,
    found_in_operations,
    logged_to,
    order_with_canaries,
    secret_settings,
    settings_with_canaries,
)
from order_pipeline_tests.shared_demo import run_command
from order_pipeline_tests.warehouse.kibo_orders import DAY, receive

pytestmark = pytest.mark.costly

WINDOW = Window(DAY, date(2026, 1, 6))
NO_WAIT = RateSettings(requests_per_second=None, attempts=1, connect_timeout_seconds=2, read_timeout_seconds=5)


@dataclass
class World:
    """An installation whose layers were broken one after the other, and what the terminal showed of each."""

    settings: Settings
    logs: Path
    terminal: dict[str, str] = field(default_factory=dict[str, str])
    incidents: str = ""


PLACES: dict[str, Callable[[World], list[str]]] = {
    "terminal: output and errors of every run and command": lambda world: [
        f"{layer}: {sung}" for layer, text in world.terminal.items() if (sung := found_in(text))
    ],
    "log of the process: every library, level INFO": lambda world: found_in_files(world.logs),
    "Dagster: event log of each run": lambda world: found_in_files(world.settings.data_dir, "dagster_home/**/*.db*"),
    "Dagster: compute logs": lambda world: (
        found_in_files(world.settings.data_dir, "dagster_home/**/*.err")
        + found_in_files(world.settings.data_dir, "dagster_home/**/*.out")
    ),
    "Dagster: every other file of its home": lambda world: found_in_files(world.settings.data_dir, "dagster_home/**/*"),
    "alerts: incidents of failed runs": lambda world: [sung for sung in [found_in(world.incidents)] if sung],
    "operations store: replies, reasons, details": lambda world: found_in_operations(world.settings),
    "lake: rejects, warnings, fetches, dead letters, failed days": lambda world: found_in_lake(world.settings),
    "data directory: every file that is no store": lambda world: found_in_data_directory(world.settings),
}


def _of_duckdb(value: str) -> None:
    duckdb.execute("SELECT CAST(? AS INTEGER)", [value])


def _of_pyarrow(value: str) -> None:
    pa.array([value]).cast(pa.date32())


def _of_pandera(value: str) -> None:
    schema = pandera.DataFrameSchema({"name": pandera.Column(str, pandera.Check.str_matches("^x$"))})
    schema.validate(pd.DataFrame({"name": [value]}), lazy=True)


def _of_sqlalchemy(value: str) -> None:
    with sqlalchemy.create_engine("sqlite://").begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE people (name TEXT CHECK (name = '-'))"))
        connection.execute(sqlalchemy.text("INSERT INTO people VALUES (:name)"), {"name": value})


Raising = Callable[[str], None]
_values = cycle([*fields_with_canaries(), json.dumps(order_with_canaries(1))])


def _raises(error: Raising) -> Callable[..., Any]:
    """A function that meets the next canary, in any call."""

    def meet(*_: object, **__: object) -> None:
        error(next(_values))

    return meet


def _stage_or_raise(task: Any) -> Any:
    """Staging that fails at every record, and not without any: the last net sets each aside."""
    if records_of_chunk(task):
        _of_duckdb(next(_values))
    return stage_chunk(task)


ASSETS, CORE = "order_pipeline.orchestration.assets", "order_pipeline.warehouse.core"
LAYERS: dict[str, tuple[str, str, dict[str, Callable[..., Any]]]] = {
    "HTTP answer: refused": ("kibo_job", "answered 400", {}),
    "HTTP answer: cut": ("kibo_job", "brought nothing new", {}),
    "raw write": (
        "kibo_job",
        "Conversion Error",
        {"order_pipeline.warehouse.raw.writer.append_versions": _raises(_of_duckdb)},
    ),
    "staging": (
        "kibo_core_job",
        "nothing_in_quarantine",
        {f"{CORE}.build.stage_chunk": _stage_or_raise, f"{CORE}.last_net.stage_chunk": _stage_or_raise},
    ),
    "core build": ("kibo_core_job", "ArrowInvalid", {f"{CORE}.build.publish": _raises(_of_pyarrow)}),
    "contract check": (
        "kibo_core_job",
        "SchemaErrors",
        {f"{ASSETS}.core.read_stored_rows": _raises(_of_pandera)},
    ),
    "marts": ("emission_job", "ConversionException", {f"{ASSETS}.mart_metadata.read_marts": _raises(_of_duckdb)}),
    "emission": ("emission_job", "IntegrityError", {f"{ASSETS}.picking.read_pick_list": _raises(_of_sqlalchemy)}),
}
"""Each layer: the job that meets it, what is told of it, and what is broken; of HTTP the server is."""

DOWN = {
    "ORDER_PIPELINE_OPERATIONS_URL": "postgresql://pipeline:KanariOperations@127.0.0.1:1/operations",
    "ORDER_PIPELINE_LAKE__CATALOG": "postgres:host=127.0.0.1 port=1 dbname=lake password='Kanari Catalog'",
}
NORTH = {"ORDER_PIPELINE_FLOORS__NORTH__CLIENT_ID": "north", "ORDER_PIPELINE_KIBO__FLOOR": "north"}
NORTH |= {"ORDER_PIPELINE_FLOORS__NORTH__ACCESS_TOKEN": canary("of_the_north")}
COMMANDS = (
    ("sql", "select 1"),
    ("trace", "4711"),
    ("doctor", "--no-online", "--format", "json"),
    ("status",),
    ("outbox", "list"),
)
WRONG = {
    "a number": {"ORDER_PIPELINE_WEBHOOKS__PORT": "KanariPort"},
    "JSON": {"ORDER_PIPELINE_LAKE": "{KanariJson"},
    "a secret in a group": {"ORDER_PIPELINE_UI": '{"token": "KanariShort", "no_such": "KanariExtra"}'},
    "an address": {"ORDER_PIPELINE_OPERATIONS_URL": "postgresql://pipeline:KanariAddress@[::1/x"},
}


class _Kibo(BaseHTTPRequestHandler):
    """Gives a token; then says no and repeats order and credentials, or sends the beginning of a page."""

    page: int | None = None
    """How many characters of the page it sends; None: it refuses."""

    def do_GET(self) -> None:
        order = json.dumps(order_with_canaries(1)["customer"] | {"api_secret": canary("of_the_api_secret")})
        page = json.dumps({"collection": [order_with_canaries(1)], "totalCount": 1})
        if self.page is None:
            self._answer(400, f'{{"error": "no", "received": {order}}}')
        else:
            self._answer(200, page[: self.page])

    def do_POST(self) -> None:
        self._answer(200, json.dumps({"access_token": canary("issued_token"), "expires_in": 3600}))

    def _answer(self, status: int, text: str) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Kibo)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    directory = tmp_path_factory.mktemp("canaries")
    data_dir = with_demo_locations(directory / "data")
    settings = settings_with_canaries(data_dir, base_url=url, token_url=f"{url}/token", rate=NO_WAIT)
    world = World(settings, directory / "logs")
    world.logs.mkdir()
    with logged_to(world.logs / "pipeline.log"):
        _break_jobs(world)
        for variable, address in DOWN.items():
            for command in COMMANDS:
                _run_command(world, f"{variable}: {command[0]}", *command, **{variable: address})
            asked = {variable: address, "ORDER_PIPELINE_TRACEBACK": "1"}
            _run_command(world, f"{variable}: with a traceback", "outbox", "list", **asked)
        for what, wrong in WRONG.items():
            _run_command(world, f"settings: {what}", "doctor", "--no-online", **wrong)
    server.shutdown()
    server.server_close()
    return world


def _break_jobs(world: World) -> None:
    pipeline = PipelineResource(world.settings)
    pipeline.prepare_stores()
    definitions = build_definitions(world.settings, pipeline=pipeline)
    receive(pipeline.lake, [order_with_canaries(1)])
    pipeline.build_core("kibo", [DAY], "build")
    with open_instance(world.settings) as instance:
        for layer, (job, _, broken) in LAYERS.items():
            _Kibo.page = {"HTTP answer: refused": None, "HTTP answer: cut": 400}.get(layer, 1_000_000)
            receive(pipeline.lake, [order_with_canaries(2) | {"orderState": layer}])
            out = io.StringIO()
            with pytest.MonkeyPatch.context() as patch, ExitStack() as captured:
                captured.enter_context(redirect_stdout(out))
                captured.enter_context(redirect_stderr(out))
                patch.setattr(launch, "QUIET", {})  # as a run that the daemon starts
                for target, instead in broken.items():
                    patch.setattr(target, instead)
                outcome = launch.run_job(definitions, instance, job, None if job == "emission_job" else WINDOW)
            world.terminal[layer] = f"{out.getvalue()}\n{outcome}"
        failing = Look("a look", (Kind.RUN_FAILED,), _raises(_of_duckdb))
        world.incidents = str(look_everywhere([failing]).incidents)
        world.incidents += str(list(find_failed_runs(instance, datetime.now(UTC), ())))
    pipeline.lake.close()
    pipeline.operations.close()


def _run_command(world: World, what: str, *arguments: str, **environment: str) -> None:
    secrets = {f"ORDER_PIPELINE_{variable}": value for variable, value in secret_settings(Settings)} | NORTH
    try:
        done = run_command(world.settings.data_dir, *arguments, **secrets, **environment)
        world.terminal[what] = done.stdout + done.stderr
    except Exception as error:  # noqa: BLE001 - with a traceback asked for, the process would end with it
        printed = io.StringIO()
        with redirect_stderr(printed):
            sys.excepthook(type(error), error, error.__traceback__)
        world.terminal[what] = printed.getvalue()


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_was_broken_and_says_so(world: World, layer: str) -> None:
    assert LAYERS[layer][1] in world.terminal[layer]


def test_the_places_hold_what_they_are_searched_for(world: World) -> None:
    home = world.settings.data_dir / "dagster_home"
    assert "ConversionException" in (world.logs / "pipeline.log").read_text(encoding="utf-8")
    assert [name for name in ("**/*.db", "**/*.err") if not list(home.glob(name))] == []
    assert "run_failed" in world.incidents


def test_every_command_says_what_is_wrong(world: World) -> None:
    assert [what for what, text in world.terminal.items() if not text.strip()] == []
    assert all("setting is wrong" in world.terminal[f"settings: {what}"] for what in list(WRONG)[:3])


@pytest.mark.parametrize("place", PLACES)
def test_no_canary_sings(world: World, place: str) -> None:
    assert PLACES[place](world) == []


def test_a_canary_that_sings_is_heard(world: World, tmp_path: Path) -> None:
    (tmp_path / "event.db").write_bytes(b"\0Could not convert string 'KanariFirstname' to INT32")
    assert found_in_files(tmp_path) == [f"event.db: {chr(0)}Could not convert string 'KanariFirstname' to INT32"]
    assert len(fields_with_canaries()) > 15
    assert len(list(secret_settings(Settings))) > 12
