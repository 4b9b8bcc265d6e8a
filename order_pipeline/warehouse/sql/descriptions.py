"""What each table and column of the lake means, as contracts and the yml beside the models say it.

`tables()` and `about('core.orders')` show it in SQL, for a session that ran `description_statements`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from order_pipeline.contracts import CORE_TABLES, ItemLocations, TableContract, table_contract
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.sql.project import PROJECT_DIRECTORY, SEED_SCHEMA

_MACROS = """\
CREATE TEMP MACRO tables() AS TABLE
SELECT found.name AS "table", described.description FROM (
    SELECT schema_name || '.' || table_name AS name FROM duckdb_tables() WHERE database_name = 'lake'
    UNION ALL SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE database_name = 'lake'
    UNION ALL SELECT 'ops.' || view_name FROM duckdb_views() WHERE database_name = 'ops' AND NOT internal
) AS found LEFT JOIN temp.described_tables AS described ON described.name = found.name
ORDER BY list_position(
    ['marts', 'core', 'reference', 'quarantine', 'ops', 'raw', 'staging', 'intermediate'],
    split_part(found.name, '.', 1)
), found.name
---
CREATE TEMP MACRO about(relation) AS TABLE
SELECT described.column_name AS "column", described.description
FROM temp.described_columns AS described WHERE described.name = lower(relation) ORDER BY described.position
"""


@dataclass(frozen=True, slots=True)
class Description:
    """What one table or view holds, and each of its columns; an empty text where nobody said it."""

    sentence: str
    columns: Mapping[str, str] = field(default_factory=dict[str, str])


def descriptions() -> dict[str, Description]:
    """Qualified name -> what is said of it, for core, reference, quarantine and every model."""
    found: dict[str, Description] = {}
    for file in sorted(PROJECT_DIRECTORY.rglob("*.yml")):
        content: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER) or {}  # noqa: S506
        for source in content.get("sources", []):
            found |= {f"{source['schema']}.{each['name']}": _of_entry(each) for each in source["tables"]}
        if content.get("models") and "models" in file.parts:
            schema = file.relative_to(PROJECT_DIRECTORY / "models").parts[0]
            found |= {f"{schema}.{each['name']}": _of_entry(each) for each in content["models"]}
    contracts = {f"core.{name}": table_contract(model) for name, model in CORE_TABLES.items()}
    contracts[f"{SEED_SCHEMA}.item_locations"] = table_contract(ItemLocations)
    return found | {name: _of_contract(contract) for name, contract in contracts.items()}


def description_statements() -> Iterator[str]:
    """The SQL that makes `tables()` and `about(...)`, in the session that runs it."""
    described = descriptions()
    sentences = [(name, each.sentence) for name, each in described.items()]
    columns = [
        (name, position, column, sentence)
        for name, each in described.items()
        for position, (column, sentence) in enumerate(each.columns.items())
    ]
    yield f"CREATE TEMP TABLE described_tables (name, description) AS FROM (VALUES {_rows(sentences)})"
    yield (
        "CREATE TEMP TABLE described_columns (name, position, column_name, description) AS "
        f"FROM (VALUES {_rows(columns)})"
    )
    yield from _MACROS.split("---\n")


def _rows(rows: list[tuple[str, str]] | list[tuple[str, int, str, str]]) -> str:
    cells = ([str(cell) if isinstance(cell, int) else quoted(cell) for cell in row] for row in rows)
    return ", ".join(f"({', '.join(row)})" for row in cells)


def _of_entry(entry: Mapping[str, Any]) -> Description:
    columns = {each["name"]: str(each.get("description", "")) for each in entry.get("columns", [])}
    return Description(str(entry.get("description", "")), columns)


def _of_contract(contract: TableContract) -> Description:
    columns = {each.name: f"{each.description[:1].upper()}{each.description[1:]}." for each in contract.columns}
    return Description(contract.description, columns)


_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one written in C is ten times as fast, where PyYAML was built with it."""
