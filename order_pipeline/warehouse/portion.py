"""One portion of a build: its raw rows typed by the SQL models, each staged table checked for itself.

A portion shares nothing with the others, so that several can be staged at once, each on a connection of its own.
Does not belong here: what needs other portions (see `step`), and the rules (see `hard_checks`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import duckdb

from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.warehouse.batches import Portion, RawResource
from order_pipeline.warehouse.hard_checks import StagedTable, check_rows, create_failures
from order_pipeline.warehouse.portion_rows import portion_sources, write_exact_payloads
from order_pipeline.warehouse.sql_models import SqlProject

# Doubles hold four decimals exactly below 2^53 / 10^4, about 9.007e11; a larger amount may have been rounded.
LARGEST_EXACT = 900_000_000_000


@dataclass(frozen=True, slots=True)
class StagedPortion:
    """Staged tables in the schema `place`, with `failures` and `merged_copies` that name their bad rows."""

    place: str
    tables: dict[str, StagedTable]


@dataclass(frozen=True, slots=True)
class Staging:
    """How rows of one build are staged: the same for all its portions."""

    project: SqlProject
    source: str
    run_id: str
    resources: tuple[RawResource, ...]

    @property
    def models(self) -> dict[str, str]:
        """The source's staged core tables: table -> model `stg_<source>__<table>`, parents before children."""
        return staging_models(self.project, self.source)

    def from_newer_rows(self) -> Staging:
        """The same for rows that may have come since: which of them are current must be looked up again."""
        return replace(self, resources=tuple(replace(resource, single_as_of=None) for resource in self.resources))

    def stage(
        self, connection: duckdb.DuckDBPyConnection, portion: Portion, place: str, seeds: Mapping[str, str]
    ) -> StagedPortion:
        """Type and check a portion's rows.

        Args:
            connection: on the lake, used by no other thread.
            portion: which rows.
            place: `catalog.schema`, made here.
            seeds: relations of the project's seeds.
        """
        connection.execute(f"CREATE SCHEMA {place}")
        sources = portion_sources(connection, self.resources, portion, place)
        tables = self._run(connection, place, seeds, sources)
        if _has_rounded_numbers(connection, tables.values()):
            exact = f"{place}.exact_payloads"
            write_exact_payloads(connection, sources, exact)
            exact_sources = portion_sources(connection, self.resources, portion, place, exact)
            tables = self._run(connection, place, seeds, exact_sources)
        self._drop_helpers(connection, place)
        return self.check(connection, place, tables)

    def check(self, connection: duckdb.DuckDBPyConnection, place: str, tables: dict[str, StagedTable]) -> StagedPortion:
        """Find the bad rows of staged tables."""
        create_failures(connection, place)
        for staged in tables.values():
            check_rows(connection, place, staged, self.run_id)
        return StagedPortion(place, tables)

    def _run(
        self,
        connection: duckdb.DuckDBPyConnection,
        place: str,
        seeds: Mapping[str, str],
        sources: Mapping[tuple[str, str], str],
    ) -> dict[str, StagedTable]:
        relations = self.project.run_batch(connection, self.models.values(), place=place, ref=seeds, source=sources)
        return {table: staged_table(connection, table, relations[model]) for table, model in self.models.items()}

    def _drop_helpers(self, connection: duckdb.DuckDBPyConnection, place: str) -> None:
        """Free what only led to the staged tables; the parsed documents are most of a portion's memory."""
        staged = set(self.models.values())
        helpers = [name for name in self.project.upstream(staged) if name not in staged]
        raw = [f"{resource.source}_{resource.name}_current" for resource in self.resources]
        for helper in (*helpers, *raw):
            connection.execute(f"DROP TABLE IF EXISTS {place}.{helper}")


def staging_models(project: SqlProject, source: str) -> dict[str, str]:
    """The source's staged core tables: table -> model `stg_<source>__<table>`, parents before children."""
    names = {table: f"stg_{source}__{table}" for table in CORE_TABLES}
    return {table: name for table, name in names.items() if name in project.models}


def staged_table(connection: duckdb.DuckDBPyConnection, table: str, relation: str) -> StagedTable:
    """A core table's staged rows, with the columns that staging gave them."""
    described = connection.execute(f"DESCRIBE {relation}").fetchall()
    return StagedTable(table_contract(CORE_TABLES[table]), relation, frozenset(row[0] for row in described))


def _has_rounded_numbers(connection: duckdb.DuckDBPyConnection, tables: Collection[StagedTable]) -> bool:
    suspects: list[str] = []
    for staged in tables:
        large = [
            f"{column.name} NOT BETWEEN -{LARGEST_EXACT} AND {LARGEST_EXACT}"
            for column in staged.contract.columns
            if column.duckdb_type in {"DECIMAL(18,4)", "DECIMAL(18,3)"} and column.name in staged.columns
        ]
        if large:
            suspects.append(f"EXISTS (SELECT 1 FROM {staged.relation} WHERE {' OR '.join(large)})")
    found = connection.execute(f"SELECT {' OR '.join(suspects) or 'false'}").fetchone()
    return bool(found and found[0])
