"""SQL models over one batch of rows: which statements make their tables, and what each of them reads.

Belongs here: a batch's order and relations. Does not belong here: what a model's text means (see `sql_models`), and
which rows are in a batch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import duckdb

from order_pipeline.warehouse.sql.project import SqlProject


@dataclass(frozen=True, slots=True)
class BatchTable:
    """A model of the batch.

    Attributes:
        model: its name.
        relation: the table to be made.
        statement: makes it.
        reads: the models of the batch whose tables it reads.
        reads_sources: whether it reads a `source()`, so that it works on payloads.
    """

    model: str
    relation: str
    statement: str
    reads: frozenset[str]
    reads_sources: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """The tables to make, each after those that it reads; and what every model and seed is called in SQL."""

    tables: tuple[BatchTable, ...]
    relations: dict[str, str]

    def readers(self, model: str) -> list[str]:
        """The models whose tables are made from this one's."""
        return [table.model for table in self.tables if model in table.reads]


def plan_batch(
    project: SqlProject,
    names: Iterable[str],
    *,
    place: str,
    ref: Mapping[str, str],
    source: Mapping[tuple[str, str], str],
) -> Batch:
    """Plan models over a batch: each becomes a table in `place`, an ephemeral one a subquery of its readers.

    Args:
        project: the SQL project.
        names: the models wanted; those they need are made too, unless `ref` redirects them.
        place: `catalog.schema` that holds the tables; existing ones are replaced.
        ref: relations that replace models or seeds.
        source: relations that replace sources.

    Raises:
        SqlModelError: a model that does not exist, or does not render.
    """
    relations = dict(ref)
    tables: list[BatchTable] = []
    behind: dict[str, tuple[frozenset[str], bool]] = {}
    for name in project.upstream(names):
        if name in relations:
            continue
        rendered = project.render(name, ref=relations, source=source)
        found = [behind[needed] for needed in rendered.refs if needed in behind]
        reads = frozenset[str]().union(*(models for models, _ in found))
        reads_sources = bool(rendered.sources) or any(from_source for _, from_source in found)
        if rendered.config.get("materialized") == "ephemeral":
            relations[name], behind[name] = f"(\n{rendered.sql}\n)", (reads, reads_sources)
            continue
        relations[name], behind[name] = f"{place}.{name}", (frozenset([name]), False)
        statement = f"CREATE OR REPLACE TABLE {place}.{name} AS\n{rendered.sql}"
        tables.append(BatchTable(name, f"{place}.{name}", statement, reads, reads_sources))
    return Batch(tuple(tables), relations)


def run_batch(
    project: SqlProject,
    connection: duckdb.DuckDBPyConnection,
    names: Collection[str],
    *,
    place: str,
    ref: Mapping[str, str],
    source: Mapping[tuple[str, str], str],
) -> dict[str, str]:
    """Make a batch's tables one after the other; see `plan_batch`. Returns model or seed name -> relation.

    Raises:
        SqlModelError: a model does not run; the message names its file.
    """
    batch = plan_batch(project, names, place=place, ref=ref, source=source)
    for table in batch.tables:
        project.execute(connection, table.model, table.statement)
    return batch.relations
