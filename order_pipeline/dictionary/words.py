"""What is said of the lake's tables and views, read from where it is said. No lake is needed for it.

| what | where its sentences stand |
|---|---|
| core tables, item_locations | `order_pipeline/contracts` |
| raw tables of resources | the channel's `resources`, and `warehouse.raw.tables.RAW_SENTENCES` |
| tables of bookkeeping | `dbt_style_sql/models/staging/sources.yml` |
| seeds | `dbt_style_sql/seeds/schema.yml` |
| views | the `schema.yml` beside each folder of models |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from order_pipeline.channels import registry
from order_pipeline.contracts import CORE_TABLES, ItemLocations, Model, table_contract
from order_pipeline.dictionary.yml import DescribedTable, read_models, read_seeds, read_sources
from order_pipeline.privacy.columns import RAW_PAYLOAD, declared_personal_columns
from order_pipeline.warehouse.raw.tables import CURRENT_SENTENCES, RAW_SENTENCES, raw_table, turn_table, version_of
from order_pipeline.warehouse.raw.versions import current_versions
from order_pipeline.warehouse.sql.deploy import mark
from order_pipeline.warehouse.sql.project import SEED_SCHEMA, SqlProject

MISSING = "?"
"""Stands in the yml where a person has still to write a sentence."""
_TURNS = "One row that two writers of the channel's raw both update, so that the later one notices the earlier one."


@dataclass(frozen=True, slots=True)
class ColumnWords:
    """What is said of one column. `tests` are those that the yml asks of dbt."""

    sentence: str
    is_personal: bool = False
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableWords:
    """What is said of one table or view.

    Attributes:
        sentence: what a row of it is.
        columns: in their order.
        mark: of a view: what its comment ends with, so that the pipeline knows it as its own.
        tests: those that the yml asks of dbt for the whole.
    """

    sentence: str
    columns: Mapping[str, ColumnWords] = field(default_factory=dict[str, ColumnWords])
    mark: str = ""
    tests: tuple[str, ...] = ()


def words_of_lake(project: SqlProject) -> dict[str, TableWords]:
    """`<schema>.<name>` of every table and view that the lake has or may get -> what is said of it."""
    personal = declared_personal_columns()
    words = dict([*_of_sources(project), *_of_resources(), *_of_contracts()])
    found = {
        relation: TableWords(
            said.sentence,
            {
                name: ColumnWords(column.sentence, name in personal.get(relation, ()) or column.is_personal)
                for name, column in said.columns.items()
            },
            said.mark,
        )
        for relation, said in words.items()
    }
    return found | _of_models(project)


def sentence(text: str) -> str:
    """A description as a sentence: a capital letter, a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else MISSING


def _of_contracts() -> Iterator[tuple[str, TableWords]]:
    contracts: list[tuple[str, Model]] = [(f"core.{name}", model) for name, model in CORE_TABLES.items()]
    for relation, model in [*contracts, (f"{SEED_SCHEMA}.item_locations", ItemLocations)]:
        contract = table_contract(model)
        columns = {
            column.name: ColumnWords(sentence(column.description), column.personal) for column in contract.columns
        }
        yield relation, TableWords(contract.description, columns)


def _of_resources() -> Iterator[tuple[str, TableWords]]:
    columns = {name: ColumnWords(text, name == RAW_PAYLOAD) for name, text in RAW_SENTENCES.items()}
    current = columns | {name: ColumnWords(text) for name, text in CURRENT_SENTENCES.items()}
    for channel in registry.channels().values():
        for resource, holds in channel.resources.items():
            table = raw_table(channel.name, resource)
            view = f"The current version of every record of {table}: the content that was seen last."
            definition = current_versions(channel.name, resource)
            yield table, TableWords(holds, columns)
            yield f"{table}_current", TableWords(view, current, version_of(definition))
        yield turn_table(channel.name), TableWords(_TURNS, {"turn": ColumnWords("Grows with every write.")})


def _of_sources(project: SqlProject) -> Iterator[tuple[str, TableWords]]:
    """Tables of bookkeeping and seeds: those of which the yml describes the columns."""
    seeds = {f"{SEED_SCHEMA}.{name}": table for name, table in read_seeds(project.directory).items()}
    for relation, table in {**read_sources(project.directory), **seeds}.items():
        if table.columns:
            columns = {name: ColumnWords(column.sentence) for name, column in table.columns.items()}
            yield relation, TableWords(table.sentence, columns)


def _of_models(project: SqlProject) -> dict[str, TableWords]:
    described = read_models(project.directory)
    always = {
        column.name for model in CORE_TABLES.values() for column in table_contract(model).columns if column.personal
    }
    words = dict[str, TableWords]()
    for name, model in project.models.items():
        table = described.get(name, DescribedTable(MISSING, {}))
        columns = {
            column: ColumnWords(said.sentence, said.is_personal or column.removesuffix("_text") in always, said.tests)
            for column, said in table.columns.items()
        }
        words[model.relation] = TableWords(table.sentence, columns, mark(project.fingerprint([name])), table.tests)
    return words
