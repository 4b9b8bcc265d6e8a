"""The tests that the yml beside the models declares, in dbt's words, as SQL that gives the rows which fail.

Real dbt runs the same declarations (`make dbt`); here they run on our own views, in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import yaml

from order_pipeline.warehouse.sql.project import SqlProject

_TARGET = re.compile(r"""^(ref|source)\('(\w+)'(?:,\s*'(\w+)')?\)$""")


@dataclass(frozen=True, slots=True)
class DataTest:
    """One declared test: a name for people, and SQL whose rows are its failures."""

    name: str
    model: str
    sql: str


def declared_tests(project: SqlProject, relations: Mapping[str, str] | None = None) -> Iterator[DataTest]:
    """Every test that the project's yml declares of its models and their columns.

    Args:
        project: with the yml.
        relations: what stands for a model, by its name; else its view is asked.

    Raises:
        ValueError: a kind of test, or a target, that is not understood.
    """
    for file in sorted((project.directory / "models").rglob("schema.yml")):
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", []):
            name = model["name"]
            for test in model.get("data_tests", []):
                yield _made(project, relations or {}, name, "", test)
            for column in model["columns"]:
                for test in column.get("data_tests", []):
                    yield _made(project, relations or {}, name, column["name"], test)


def _made(project: SqlProject, relations: Mapping[str, str], model: str, column: str, declared: Any) -> DataTest:
    kind, arguments = (declared, {}) if isinstance(declared, str) else next(iter(declared.items()))
    known = {name: relations.get(name, each.relation) for name, each in project.models.items()}
    sql = failing_rows(kind, known[model], column, cast("Mapping[str, Any]", arguments), known)
    return DataTest(".".join(part for part in (model, column, kind) if part), model, sql)


def failing_rows(
    kind: str, relation: str, column: str, arguments: Mapping[str, Any], models: Mapping[str, str] | None = None
) -> str:
    """SQL of what makes the test fail: no row means that it holds. NULLs are judged as dbt judges them.

    Args:
        kind: as in the yml.
        relation: qualified name of what is tested.
        column: the tested column; empty for a test of the whole model.
        arguments: of the test.
        models: the relation of each model, for `ref`.
    """
    match kind:
        case "unique":
            return f"SELECT {column} FROM {relation} WHERE {column} IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
        case "not_null":
            return f"SELECT 'NULL' FROM {relation} WHERE {column} IS NULL"
        case "accepted_values":
            listed = ", ".join("'" + str(value).replace("'", "''") + "'" for value in arguments["values"])
            return f"SELECT {column} FROM {relation} WHERE {column} NOT IN ({listed})"
        case "relationships":
            other = _relation(arguments["to"], models or {})
            return (
                f"SELECT child.{column} FROM {relation} AS child ANTI JOIN {other} AS parent"
                f" ON parent.{arguments['field']} = child.{column} WHERE child.{column} IS NOT NULL"
            )
        case "unique_together":
            return f"SELECT {', '.join(arguments['columns'])} FROM {relation} GROUP BY ALL HAVING count(*) > 1"
        case _:
            raise ValueError(f"{kind!r} is no test that is understood here: add it to {__name__}.")


def _relation(target: str, models: Mapping[str, str]) -> str:
    found = _TARGET.match(target)
    if found and found[1] == "source":
        return f"{found[2]}.{found[3]}"
    if found and found[2] in models:
        return models[found[2]]
    raise ValueError(f"{target!r} is neither ref('model') nor source('schema', 'table').")
