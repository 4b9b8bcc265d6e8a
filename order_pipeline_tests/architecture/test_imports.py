"""Who may import whom: from layers below only, and no two rooms import each other (docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from order_pipeline_tests.architecture.imports import PACKAGE, circles, import_graph, imports_of, member_of

LAYERS = (
    {"cli", "definitions", "__main__"},
    {"orchestration"},
    {"recovery"},
    {"alerts"},
    {"picking", "webhooks"},
    {"reference"},
    {"warehouse"},
    {"settings"},
    {"channels"},
    {"destinations", "operations", "contracts", "http", "settings_names", "alert_settings", "floors"},
)
DEPTH = {part: depth for depth, parts in enumerate(LAYERS) for part in parts}
GRAPH = import_graph()

# What no layer rule says: the part, what it must not import, and why.
PROHIBITIONS = [
    ("channels", {"duckdb", "dagster", "pandas"}, "a channel yields bytes"),
    ("channels", {"order_pipeline.contracts", "order_pipeline.destinations"}, "a channel does not know what follows"),
    ("http", {"duckdb", "dagster", "order_pipeline.operations"}, "the transport knows no store"),
    ("contracts", {"duckdb", "dagster", "httpx"}, "a contract is about rows, not about where they are"),
    ("destinations", {"duckdb", "dagster"}, "a destination knows no lake"),
    ("operations", {"duckdb", "dagster", "httpx"}, "the operations store is rows in a database"),
    ("warehouse", {"dagster", "httpx", "order_pipeline.http"}, "the lake calls no API"),
    ("picking", {"dagster"}, "emission can be tested and run without Dagster"),
    ("picking", {"order_pipeline.channels"}, "nothing downstream calls a channel's API"),
    ("alerts", {"dagster", "duckdb"}, "what is wrong can be found and told without Dagster"),
    ("webhooks", {"dagster", "duckdb", "order_pipeline.warehouse"}, "the receiver never touches the lake"),
    ("orchestration", {"httpx", "duckdb"}, "wiring holds no logic"),
    ("sandbox", DEPTH.keys(), "the fakes know nothing of the pipeline"),
]


def part_of(module: str) -> str:
    """`order_pipeline.http.auth` -> `http`; "" for what is not ours."""
    return member_of("order_pipeline", module) or ""


def upward(part: str, modules: Iterable[str]) -> list[str]:
    """Those of the imported modules that lie in a higher layer than `part`."""
    return [name for name in modules if DEPTH.get(part_of(name), len(LAYERS)) < DEPTH[part]]


def imported_by(part: str) -> dict[str, set[str]]:
    """Every module of the part -> all that it imports, ours or not."""
    found: dict[str, set[str]] = {}
    for module in GRAPH:
        if part_of(module) == part:
            path = Path(PACKAGE.parent, *module.split(".")).with_suffix(".py")
            names = imports_of(path.read_text(encoding="utf-8"), module.rpartition(".")[0])
            found[module] = {*names, *GRAPH[module]}
    return found


def is_in(name: str, prefixes: Iterable[str]) -> bool:
    """Whether the name is one of the modules, or lies in one; a part may be given without its package."""
    full = {f"order_pipeline.{prefix}" if prefix in DEPTH else prefix for prefix in prefixes}
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in full)


def test_every_part_of_the_package_has_a_layer():
    assert {part_of(module) for module in GRAPH} - {"__init__", "sandbox"} <= set(DEPTH)


@pytest.mark.parametrize("part", sorted(DEPTH))
def test_nothing_imports_upwards(part: str):
    offences = {module: upward(part, targets) for module, targets in GRAPH.items() if part_of(module) == part}
    assert {module: names for module, names in offences.items() if names} == {}


def test_no_rooms_and_no_files_import_each_other():
    assert circles(GRAPH) == []


@pytest.mark.parametrize(("part", "forbidden", "reason"), PROHIBITIONS)
def test_a_part_keeps_out_of_what_is_not_its_business(part: str, forbidden: Iterable[str], reason: str):
    offences = [
        f"{module}: {name}" for module, names in imported_by(part).items() for name in names if is_in(name, forbidden)
    ]
    assert offences == [], reason


def test_only_the_command_line_starts_the_sandbox():
    users = {
        part_of(module) for module, targets in GRAPH.items() if any(part_of(each) == "sandbox" for each in targets)
    }
    assert users - {"sandbox"} <= {"cli"}


def test_settings_are_loaded_by_entry_points_only():
    users = {
        module
        for part in DEPTH
        for module, names in imported_by(part).items()
        if any("load_settings" in n for n in names)
    }
    assert {part_of(module) for module in users} <= {"definitions", "cli"}


def test_an_upward_import_is_seen_even_inside_a_function():
    offence = "def f():\n    from order_pipeline.orchestration.assets import raw\n"
    assert upward("http", imports_of(offence, "order_pipeline.http")) == ["order_pipeline.orchestration.assets.raw"]


@pytest.mark.parametrize(
    ("graph", "circle"),
    [
        ({"p.a": {"p.b"}, "p.b": {"p.a"}}, "p: "),
        ({"p.one.a": {"p.two.a"}, "p.two.b": {"p.one.b"}, "p.two.a": set(), "p.one.b": set()}, "p: "),
        ({"p.q.a": {"p.q.b"}, "p.q.b": {"p.q.a"}}, "p.q: "),
    ],
    ids=["two files", "two rooms by different files", "inside a room"],
)
def test_a_circle_is_seen(graph: dict[str, set[str]], circle: str):
    [found] = circles(graph)
    assert found.startswith(circle)


def test_a_room_may_import_a_file_that_another_room_imports():
    assert circles({"p.one.a": {"p.base"}, "p.two.a": {"p.base", "p.one.a"}, "p.base": set()}) == []


@pytest.mark.parametrize(
    ("offence", "module"),
    [
        ("from ..warehouse import lake", "order_pipeline.warehouse.lake"),
        ("from .. import warehouse", "order_pipeline.warehouse"),
        ("from . import faults", "order_pipeline.sandbox.faults"),
    ],
)
def test_relative_imports_are_resolved(offence: str, module: str):
    assert module in list(imports_of(offence, "order_pipeline.sandbox"))
