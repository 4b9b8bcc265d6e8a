"""What the code imports, read from its syntax, so that a lazy import counts too; and the circles that imports make."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "order_pipeline"


def imports_of(source: str, package: str) -> Iterator[str]:
    """Every module that the code of `package` imports; `from a import b` as `a.b`, which may be a name in `a`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (parent, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def module_name(path: Path, root: Path) -> str:
    """`http/auth.py` below the package's root -> `order_pipeline.http.auth`; a package is its `__init__`."""
    return ".".join(path.relative_to(root.parent).with_suffix("").parts)


def import_graph(root: Path = PACKAGE) -> dict[str, set[str]]:
    """Every module of the package -> the modules of the package that it imports."""
    texts = {module_name(path, root): path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))}
    return {
        module: {found for name in imports_of(text, module.rpartition(".")[0]) if (found := resolved(name, texts))}
        for module, text in texts.items()
    }


def resolved(name: str, modules: Mapping[str, str]) -> str | None:
    """The module that an imported name is, or lies in; None for what is not the package's."""
    while name:
        for candidate in (name, f"{name}.__init__"):
            if candidate in modules:
                return candidate
        name = name.rpartition(".")[0]
    return None


def circles(graph: Mapping[str, AbstractSet[str]]) -> list[str]:
    """A circle in each package whose members (rooms and files) import each other, as `a -> b -> a`; none: no circle.

    Files of two rooms that import each other make a circle of the rooms, so circles between files are found as well.
    """
    packages = {module.rpartition(".")[0] for module in graph}
    packages |= {package.rpartition(".")[0] for package in packages} - {""}
    found: list[str] = []
    for package in sorted(packages):
        members: dict[str, set[str]] = {}
        for module, targets in graph.items():
            if member := member_of(package, module):
                inside = {each for target in targets if (each := member_of(package, target))}
                members.setdefault(member, set()).update(inside - {member})
        try:
            TopologicalSorter(members).prepare()
        except CycleError as error:
            found.append(f"{package}: {' -> '.join(reversed(error.args[1]))}")
    return found


def member_of(package: str, module: str) -> str | None:
    """The room or file of the package in which the module lies; None where it lies outside."""
    return module.removeprefix(f"{package}.").partition(".")[0] if module.startswith(f"{package}.") else None
