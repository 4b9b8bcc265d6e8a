"""The yml of the SQL project: what it says of models, of tables that the pipeline writes, and of seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PERSONAL = "Personal data."
"""Ends the sentence of a column whose values may be personal data."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader in C takes a tenth of the time; not every build of the library has it."""


@dataclass(frozen=True, slots=True)
class DescribedColumn:
    """A column's entry: its sentence, whether that calls it personal, and the tests that dbt is asked for."""

    sentence: str
    is_personal: bool
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DescribedTable:
    """The entry of a model, a source's table or a seed: its sentence, its columns, the tests of the whole."""

    sentence: str
    columns: Mapping[str, DescribedColumn]
    tests: tuple[str, ...] = ()


def fingerprint_of_yml(directory: Path) -> str:
    """A hash of every yml of the project."""
    digest = hashlib.sha256()
    for path in _files(directory):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def read_models(directory: Path) -> dict[str, DescribedTable]:
    """Model -> what the yml says of it."""
    return dict(_table(entry) for content in _read(directory) for entry in content.get("models", []))


def read_seeds(directory: Path) -> dict[str, DescribedTable]:
    """Seed -> what the yml says of it."""
    return dict(_table(entry) for content in _read(directory) for entry in content.get("seeds", []))


def read_sources(directory: Path) -> dict[str, DescribedTable]:
    """`<schema>.<table>` -> what the yml says of the table."""
    found = dict[str, DescribedTable]()
    for content in _read(directory):
        for source in content.get("sources", []):
            for entry in source["tables"]:
                name, table = _table(entry)
                found[f"{source['schema']}.{name}"] = table
    return found


def _table(entry: Mapping[str, Any]) -> tuple[str, DescribedTable]:
    columns = {
        column["name"]: DescribedColumn(
            (sentence := column.get("description", "")),
            PERSONAL in sentence,
            _tests(column),
        )
        for column in entry.get("columns", [])
    }
    return entry["name"], DescribedTable(entry.get("description", ""), columns, _tests(entry))


def _tests(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(_test(test) for test in entry.get("data_tests", []))


def _test(test: str | Mapping[str, Any]) -> str:
    """`unique`, or a test with its arguments in words."""
    if isinstance(test, str):
        return test
    [(name, arguments)] = test.items()
    stated = arguments.get("arguments", arguments)
    told = "; ".join(f"{key}: {_listed(value)}" for key, value in stated.items() if key != "config")
    return f"{name} ({told})"


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _files(directory: Path) -> list[Path]:
    return sorted([*(directory / "models").rglob("*.yml"), *(directory / "seeds").glob("*.yml")])


def _read(directory: Path) -> Iterable[Mapping[str, Any]]:
    for path in _files(directory):
        yield yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) or {}  # noqa: S506 - a safe loader
