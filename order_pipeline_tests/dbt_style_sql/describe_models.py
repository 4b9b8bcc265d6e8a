"""Write the yml beside every folder of models: `python -m order_pipeline_tests.dbt_style_sql.describe_models`.

What a contract says of a column is taken from the contract. Every other sentence is kept as it stands in the yml, and
so are the tests of models and columns: a person writes them there once. The command names each column that still needs
a sentence, and then ends with an error.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from order_pipeline.channels.registry import channels
from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.dictionary.words import MISSING, sentence
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw.tables import ensure_raw_table
from order_pipeline.warehouse.sql.deploy import deploy
from order_pipeline.warehouse.sql.project import SqlProject

HEADER = (
    "# Written by `make describe`: sentences of contract columns come from order_pipeline/contracts, the others stay.\n"
)


@dataclass(frozen=True, slots=True)
class Description:
    """What the yml says of one model: its sentence, each column's entry in the order of the SQL, the model's tests."""

    sentence: str
    columns: Mapping[str, dict[str, Any]]
    data_tests: Sequence[Any] = ()


def columns_of_models(project: SqlProject) -> dict[str, dict[str, str]]:
    """The columns of every model with their types, in order, from an empty lake in which all views are deployed."""
    with tempfile.TemporaryDirectory() as directory:
        lake = Lake(Settings(data_dir=Path(directory)))
        migrate(lake)
        for channel in channels().values():
            for resource in channel.resources:
                ensure_raw_table(lake, channel.name, resource)
        with lake.transaction("deploy the SQL models") as connection:
            deploy(connection, project)
            found = {
                name: {row[0]: row[1] for row in connection.execute(f"DESCRIBE {model.relation}").fetchall()}
                for name, model in project.models.items()
            }
        lake.close()
    return found


def contract_sentences() -> dict[str, dict[str, str]]:
    """Core table -> column -> the sentence of its contract."""
    return {
        name: {column.name: sentence(column.description) for column in table_contract(model).columns}
        for name, model in CORE_TABLES.items()
    }


def described(project: SqlProject, columns: Mapping[str, Iterable[str]]) -> dict[Path, dict[str, Description]]:
    """Folder -> model -> what the yml says now; a column without a sentence has `?`.

    Args:
        project: whose yml it is.
        columns: the names of each model's columns.
    """
    found: dict[Path, dict[str, Description]] = {}
    known = {name: entry for folder in _folders(project) for name, entry in _read(folder).items()}
    contracts = contract_sentences()
    shared = {column: text for table in reversed(contracts.values()) for column, text in table.items()}
    for name, of_model in columns.items():
        model, entry = project.models[name], known.get(name, {})
        kept = {column["name"]: column for column in entry.get("columns", [])}
        own = contracts.get(name.rpartition("__")[2], {}) if name.startswith("stg_") else {}
        found.setdefault(model.path.parent, {})[name] = Description(
            entry.get("description") or _first_comment(model.template) or MISSING,
            {column: _column(column, own, shared, kept.get(column, {})) for column in of_model},
            entry.get("data_tests", ()),
        )
    return found


def _column(name: str, own: Mapping[str, str], shared: Mapping[str, str], kept: Mapping[str, Any]) -> dict[str, Any]:
    companion = name.removesuffix("_text")
    if name in own:
        told = own[name]
    elif companion != name and companion in own:
        told = f"The text of {companion}, as received."
    else:
        told = kept.get("description") or shared.get(name) or MISSING
    return {
        "name": name,
        "description": told,
        **{k: v for k, v in kept.items() if k not in {"name", "description"}},
    }


def _first_comment(template: str) -> str:
    lines: list[str] = []
    for line in template.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


def _folders(project: SqlProject) -> list[Path]:
    return sorted({model.path.parent for model in project.models.values()})


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    file = folder / "schema.yml"
    content = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {model["name"]: model for model in content.get("models", [])}


def rendered(models: Mapping[str, Description]) -> str:
    """The yml of one folder."""
    entries = [
        {
            "name": name,
            "description": model.sentence,
            **({"data_tests": list(model.data_tests)} if model.data_tests else {}),
            "columns": list(model.columns.values()),
        }
        for name, model in sorted(models.items())
    ]
    body = yaml.safe_dump({"version": 2, "models": entries}, sort_keys=False, allow_unicode=True, width=110)
    return HEADER + body


def missing_sentences(found: Mapping[Path, Mapping[str, Description]]) -> Iterator[str]:
    """`model.column` of everything that nobody has described."""
    for models in found.values():
        for name, model in models.items():
            if model.sentence == MISSING:
                yield name
            yield from (f"{name}.{c['name']}" for c in model.columns.values() if c["description"] == MISSING)


def main() -> None:
    """Write every folder's yml."""
    project = SqlProject()
    found = described(project, columns_of_models(project))
    for folder, models in found.items():
        (folder / "schema.yml").write_text(rendered(models), encoding="utf-8")
    if missing := sorted(missing_sentences(found)):
        sys.exit("Write a sentence in the yml beside each of these, instead of `?`:\n  " + "\n  ".join(missing))


if __name__ == "__main__":
    main()
