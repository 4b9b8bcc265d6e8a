"""Who may import whom (DESIGN: never upwards), read from the code's syntax so that a lazy import counts too."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "order_pipeline"
LAYERS = (
    {"settings", "http"},
    {"picking", "warehouse", "contracts", "channels", "destinations", "operations"},
    {"orchestration", "webhooks"},
    {"definitions", "cli", "__main__"},
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}

# What no layer rule says: the part, what it must not import, and why.
PROHIBITIONS = [
    ("channels", {"order_pipeline.warehouse", "duckdb", "dagster", "pandas"}, "a source yields bytes"),
    ("channels", {"order_pipeline.contracts", "order_pipeline.picking"}, "a source does not know the common schema"),
    ("http", {"duckdb", "dagster", "order_pipeline.channels"}, "the transport knows no channel"),
    ("contracts", {"duckdb", "dagster", "httpx"}, "a contract is about rows, not about where they are"),
    ("destinations", {"duckdb", "dagster", "order_pipeline.channels"}, "a destination knows no channel"),
    ("operations", {"duckdb", "dagster", "httpx"}, "the operations store is rows in a database"),
    ("warehouse", {"dagster", "httpx", "order_pipeline.http"}, "the lake calls no API"),
    ("picking", {"dagster"}, "emission can be tested and run without Dagster"),
    ("picking", {"order_pipeline.channels"}, "nothing downstream calls a channel's API"),
    ("webhooks", {"dagster", "duckdb", "order_pipeline.warehouse"}, "the receiver never touches the lake"),
    ("orchestration", {"httpx", "duckdb"}, "wiring holds no logic"),
]


def imports_of(source: str, package: str) -> Iterator[str]:
    """Every module that the code of `package` imports, `from a import b` as both `a` and `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (parent, node.module) if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imports_in(path: Path) -> Iterator[str]:
    """Every module that the file imports."""
    package = ".".join(path.relative_to(PACKAGE.parent).parent.parts)
    return imports_of(path.read_text(encoding="utf-8"), package)


def modules_of(part: str) -> list[Path]:
    folder = PACKAGE / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{part}.py"]


def part_of(module: str) -> str | None:
    """`order_pipeline.http.auth` -> `http`; None for what is not ours."""
    pieces = module.split(".")
    return pieces[1] if pieces[0] == "order_pipeline" and len(pieces) > 1 else None


def upward(part: str, names: Iterable[str]) -> list[str]:
    """Those of the imported names that lie in a higher layer than `part`."""
    return [name for name in names if LEVEL.get(part_of(name) or "", -1) > LEVEL[part]]


def matches(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def test_every_part_of_the_package_has_a_layer():
    present = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert present - {"__init__", "__pycache__", "sandbox"} <= set(LEVEL)


@pytest.mark.parametrize(
    "part", [part for part in sorted(LEVEL) if (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").exists()]
)
def test_nothing_imports_upwards(part: str):
    offences = {str(path): upward(part, imports_in(path)) for path in modules_of(part)}
    assert {path: names for path, names in offences.items() if names} == {}


@pytest.mark.parametrize(("part", "forbidden", "reason"), PROHIBITIONS)
def test_a_part_keeps_out_of_what_is_not_its_business(part: str, forbidden: set[str], reason: str):
    offences = [
        f"{path}: {name}"
        for path in modules_of(part)
        for name in imports_in(path)
        if any(matches(name, prefix) for prefix in forbidden)
    ]
    assert offences == [], reason


def test_the_sandbox_imports_nothing_of_the_pipeline():
    offences = [
        f"{path}: {name}"
        for path in modules_of("sandbox")
        for name in imports_in(path)
        if matches(name, "order_pipeline") and not matches(name, "order_pipeline.sandbox")
    ]
    assert offences == []


def test_only_the_command_line_starts_the_sandbox():
    users = {
        part
        for part in set(LEVEL) - {"cli"}
        for path in modules_of(part)
        if path.exists()
        for name in imports_in(path)
        if matches(name, "order_pipeline.sandbox")
    }
    assert users == set()


def test_settings_are_loaded_by_entry_points_only():
    entry_points = {"definitions", "cli", "settings"}
    users = {
        str(path)
        for part in set(LEVEL) - entry_points
        for path in modules_of(part)
        if path.exists() and path.name != "__main__.py" and "load_settings" in path.read_text(encoding="utf-8")
    }
    assert users == set()


def test_the_check_sees_an_upward_import_even_inside_a_function():
    offence = "def f():\n    from order_pipeline.orchestration.assets import raw\n"
    assert upward("http", imports_of(offence, "order_pipeline.http")) == [
        "order_pipeline.orchestration.assets",
        "order_pipeline.orchestration.assets.raw",
    ]


@pytest.mark.parametrize(
    ("offence", "module"),
    [
        ("from ..warehouse import lake", "order_pipeline.warehouse"),
        ("from .. import warehouse", "order_pipeline.warehouse"),
        ("from . import faults", "order_pipeline.sandbox.faults"),
    ],
)
def test_the_check_resolves_relative_imports(offence: str, module: str):
    assert module in list(imports_of(offence, "order_pipeline.sandbox"))
