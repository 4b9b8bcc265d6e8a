"""The whole dictionary: every table and view of the lake and of the operations store, from where each thing is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from order_pipeline.channels import registry
from order_pipeline.contracts import CORE_TABLES, TableContract, rules_as_sql, table_contract
from order_pipeline.dictionary.entries import ColumnEntry, TableEntry
from order_pipeline.dictionary.kinds import kinds_of_lake
from order_pipeline.dictionary.operations import operations_entries
from order_pipeline.dictionary.source_fields import Fields, source_fields
from order_pipeline.dictionary.units import unit_of
from order_pipeline.dictionary.words import MISSING, ColumnWords, TableWords, words_of_lake
from order_pipeline.warehouse.lake_schemas import OPERATIONS, OPERATIONS_SENTENCE, SCHEMAS
from order_pipeline.warehouse.migrations import declared_tables
from order_pipeline.warehouse.sql.project import SqlProject

CHECKS = "check__"
IN_THE_LAKE_ONLY = ("reference.deployed_models", "reference.dictionary")
"""Tables of the deployment, which no DDL declares; they are text, but for these columns."""
_KINDS_OF_THEM = {"position": "INTEGER", "is_personal": "BOOLEAN"}


def schema_sentences() -> dict[str, str]:
    """Each schema and what stands in it, in the order of the road."""
    return {**SCHEMAS, OPERATIONS: OPERATIONS_SENTENCE}


def read_dictionary(project: SqlProject) -> list[TableEntry]:
    """Every table and view, by schema and name. It opens no store.

    Raises:
        duckdb.Error: a model does not run.
    """
    words, kinds = words_of_lake(project), kinds_of_lake(project)
    for relation in IN_THE_LAKE_ONLY:
        kinds[relation] = {name: _KINDS_OF_THEM.get(name, "VARCHAR") for name in words[relation].columns}
    fields, reads, checks = source_fields(), _reads(project), _checks(project)
    order = {schema: place for place, schema in enumerate(SCHEMAS)}
    entries = list[TableEntry]()
    for relation, columns in kinds.items():
        schema, _, name = relation.partition(".")
        said = words.get(relation, TableWords(MISSING))
        contract = table_contract(CORE_TABLES[name]) if schema == "core" and name in CORE_TABLES else None
        of_core = fields.get(name, {}) if contract else {}
        entry = TableEntry(
            schema=schema,
            name=name,
            what="view" if said.mark else "table",
            sentence=said.sentence,
            key=contract.key if contract else (),
            reads=tuple(sorted(reads.get(relation, set()))),
            checks=tuple(sorted(checks.get(relation, set()))),
            tests=said.tests,
            columns=tuple(_columns(relation, columns, said, _rules(contract), of_core)),
        )
        entries.append(entry)
    return [*sorted(entries, key=lambda entry: (order[entry.schema], entry.name)), *operations_entries()]


def _columns(
    relation: str, kinds: Mapping[str, str], words: TableWords, rules: Mapping[str, tuple[str, ...]], fields: Fields
) -> Iterator[ColumnEntry]:
    declared = declared_tables().get(relation, {})
    for column, kind in kinds.items():
        said = words.columns.get(column, ColumnWords(MISSING))
        yield ColumnEntry(
            name=column,
            kind=kind,
            sentence=said.sentence,
            unit=unit_of(column, kind, kinds),
            is_personal=said.is_personal,
            may_be_null=declared[column].nullable if column in declared else None,
            rules=rules.get(column, ()),
            tests=said.tests,
            fields=fields.get(column, {}),
        )


def _rules(contract: TableContract | None) -> dict[str, tuple[str, ...]]:
    """Column -> its hard checks (docs/apis/common_schema.md section 13)."""
    found = dict[str, tuple[str, ...]]()
    if contract is not None:
        for rule in rules_as_sql(contract.model, registry.NAMES).rules:
            found[rule.field] = (*found.get(rule.field, ()), f"{rule.name}: {rule.broken}")
    return found


def _reads(project: SqlProject) -> dict[str, set[str]]:
    """Relation -> the relations that it is made of."""
    reads = {project.models[name].relation: set(_read_by(project, name)) for name in project.models}
    for channel in registry.channels().values():
        for table in CORE_TABLES:
            if (staging := f"stg_{channel.name}__{table}") in project.models:
                reads.setdefault(f"core.{table}", set()).add(project.models[staging].relation)
        for resource in channel.resources:
            raw = f"raw.{channel.name}_{resource}"
            reads[f"{raw}_current"] = {raw, "raw.reappearances"}
    reads["core.pick_status"] = {f"{OPERATIONS}.pick_outbox", f"{OPERATIONS}.pick_status"}
    return reads


def _read_by(project: SqlProject, model: str) -> Iterator[str]:
    rendered = project.graph[model]
    yield from (project.relation(name, model) for name in rendered.refs)
    yield from (f"{schema}.{table}" for schema, table in rendered.sources)


def _checks(project: SqlProject) -> dict[str, set[str]]:
    """Relation -> the soft checks that look at it (docs/apis/common_schema.md section 14)."""
    checks = dict[str, set[str]]()
    for name in project.models:
        if name.startswith(CHECKS):
            for relation in _read_by(project, name):
                checks.setdefault(relation, set()).add(name.removeprefix(CHECKS))
    return checks
