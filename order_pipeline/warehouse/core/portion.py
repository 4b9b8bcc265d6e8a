"""One portion of a build: its raw rows typed by the SQL models, each staged table checked for itself.

A portion's tables are made side by side, as far as one does not read the other, and so are those of two portions.
Does not belong here: what needs other portions (see `step`), and the rules (see `hard_checks`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.warehouse.core.batches import Portion, RawResource
from order_pipeline.warehouse.core.crew import Crew, results_of
from order_pipeline.warehouse.core.hard_checks import StagedTable, check_rows, create_failures
from order_pipeline.warehouse.core.portion_rows import CURRENT, portion_sources, write_exact_payloads
from order_pipeline.warehouse.core.set_aside import set_aside
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.sql.batches import BatchTable, plan_batch
from order_pipeline.warehouse.sql.project import SqlProject

# Doubles hold four decimals exactly below 2^53 / 10^4, about 9.007e11; a larger amount may have been rounded.
LARGEST_EXACT = 900_000_000_000

# Payloads of one lane are parsed one portion at a time: a document that is being parsed takes four times its text.
_PAYLOADS = "payloads {}"


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

    def stage(  # noqa: PLR0917
        self,
        crew: Crew,
        portion: Portion,
        place: str,
        seeds: Mapping[str, str],
        turn: int,
        files: Path | None = None,
    ) -> StagedPortion:
        """Type and check a portion's rows. Waits for the crew, so call it from none of its threads.

        Args:
            crew: does the work.
            portion: which rows.
            place: `catalog.schema`, made here.
            seeds: relations of the project's seeds.
            turn: the portion's turn in the crew.
            files: the directory in which its rows wait; None: they wait in memory.
        """
        sources = crew.submit(partial(self._open, crew.lake, portion, place), turn=turn).result()
        tables = self._run(crew, portion, place, seeds, sources, turn)
        exact = crew.submit(
            partial(self._exact_sources, crew.lake, portion, place, sources, tables), turn=turn
        ).result()
        if exact is not None:
            tables = self._run(crew, portion, place, seeds, exact, turn)
        crew.submit(partial(self._drop_current_rows, place), turn=turn).result()
        check = partial(self._check, crew.lake, place, files)
        checked = results_of(crew.submit(partial(check, staged), turn=turn) for staged in tables.values())
        return StagedPortion(place, dict(zip(tables, checked, strict=True)))

    def check(
        self, lake: Lake, connection: Connection, place: str, tables: dict[str, StagedTable], files: Path | None
    ) -> StagedPortion:
        """Find the bad rows of staged tables, one after the other."""
        create_failures(connection, place)
        checked = {name: self._check(lake, place, files, staged, connection) for name, staged in tables.items()}
        return StagedPortion(place, checked)

    def _check(
        self, lake: Lake, place: str, files: Path | None, staged: StagedTable, connection: Connection
    ) -> StagedTable:
        check_rows(connection, place, staged, self.run_id)
        if files is None:
            return staged
        waiting = set_aside(connection, staged, files / f"{place}.{staged.contract.name}.parquet")
        lake.give_back_memory()
        return waiting

    def _open(self, lake: Lake, portion: Portion, place: str, connection: Connection) -> dict[tuple[str, str], str]:
        connection.execute(f"CREATE SCHEMA {place}")
        create_failures(connection, place)
        with lake.looking(connection):
            return portion_sources(connection, self.resources, portion, place)

    def _run(  # noqa: PLR0917
        self,
        crew: Crew,
        portion: Portion,
        place: str,
        seeds: Mapping[str, str],
        sources: Mapping[tuple[str, str], str],
        turn: int,
    ) -> dict[str, StagedTable]:
        """Make the models' tables; a helper goes as soon as nothing needs it, for parsed documents are large."""
        batch = plan_batch(self.project, self.models.values(), place=place, ref=seeds, source=sources)
        wanted = set(self.models.values())
        made: dict[str, Future[None]] = {}
        dropped: list[Future[None]] = []
        for table in batch.tables:
            made[table.model] = crew.submit(
                partial(self._make, crew.lake, table),
                after=[made[model] for model in table.reads],
                lane=_PAYLOADS.format(portion.lane) if table.reads_sources else None,
                turn=turn,
            )
            for helper in table.reads - wanted:
                readers = batch.readers(helper)
                if readers[-1] == table.model:
                    drop = partial(_drop_helper, crew.lake, batch.relations[helper])
                    dropped.append(crew.submit(drop, after=[made[reader] for reader in readers], turn=turn))
        results_of([*made.values(), *dropped])
        describe = partial(self._describe, batch.relations)
        return crew.submit(describe, turn=turn).result()

    def _make(self, lake: Lake, table: BatchTable, connection: Connection) -> None:
        with lake.looking(connection) if table.reads_sources else nullcontext():
            self.project.execute(connection, table.model, table.statement)
        if table.reads_sources:  # parsing frees more than a portion's tables take
            lake.give_back_memory()

    def _describe(self, relations: Mapping[str, str], connection: Connection) -> dict[str, StagedTable]:
        return {table: staged_table(connection, table, relations[model]) for table, model in self.models.items()}

    def _exact_sources(  # noqa: PLR0917
        self,
        lake: Lake,
        portion: Portion,
        place: str,
        sources: Mapping[tuple[str, str], str],
        tables: Mapping[str, StagedTable],
        connection: Connection,
    ) -> dict[tuple[str, str], str] | None:
        """Where a number may have been rounded: the portion's rows with exact payloads, to be staged anew."""
        if not _has_rounded_numbers(connection, tables.values()):
            return None
        exact = f"{place}.exact_payloads"
        with lake.looking(connection):
            write_exact_payloads(connection, sources, exact)
            return portion_sources(connection, self.resources, portion, place, exact)

    def _drop_current_rows(self, place: str, connection: Connection) -> None:
        for resource in self.resources:
            _drop(f"{place}.{resource.source}_{resource.name}{CURRENT}", connection)


def _drop(relation: str, connection: Connection) -> None:
    connection.execute(f"DROP TABLE IF EXISTS {relation}")


def _drop_helper(lake: Lake, relation: str, connection: Connection) -> None:
    """Drop what only other models read: parsed documents and their items, some 50 MB a portion."""
    _drop(relation, connection)
    lake.give_back_memory()


def staging_models(project: SqlProject, source: str) -> dict[str, str]:
    """The source's staged core tables: table -> model `stg_<source>__<table>`, parents before children."""
    names = {table: f"stg_{source}__{table}" for table in CORE_TABLES}
    return {table: name for table, name in names.items() if name in project.models}


def staged_table(connection: Connection, table: str, relation: str) -> StagedTable:
    """A core table's staged rows, with the columns that staging gave them."""
    described = connection.execute(f"DESCRIBE {relation}").fetchall()
    return StagedTable(table_contract(CORE_TABLES[table]), relation, frozenset(row[0] for row in described))


def _has_rounded_numbers(connection: Connection, tables: Collection[StagedTable]) -> bool:
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
