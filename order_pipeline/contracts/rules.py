"""The rules of a contract, read from its pandera model, as one SQL query that finds the rows which break them.

`find_failures` asks pandera the same of a frame; a property test proves that both name the same rows, rules, fields
and values. What each way costs: docs/decisions/0004-pandera-contracts-are-the-one-truth.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from order_pipeline.contracts.base import COMPANIONS
from order_pipeline.contracts.generate import ColumnContract, Model, TableContract, schema_with_sources, table_contract

MASK = "***"
LONGEST_VALUE = 200


class ContractError(TypeError):
    """A contract and what is checked against it do not fit: a defect of the code or the SQL, not of the data."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a table.

    Attributes:
        name: the hard check (docs/apis/common_schema.md section 13) that a reject names.
        field: the column that a reject names.
        broken: SQL condition, true for a row that breaks the rule.
        value: SQL expression of the value that a reject shows.
        is_derived: the field is built from other columns: reported only if the row breaks no rule of those.
    """

    name: str
    field: str
    broken: str
    value: str
    is_derived: bool = False


@dataclass(frozen=True, slots=True)
class SqlRules:
    """All rules of a table, to be checked where the rows are."""

    table: TableContract
    rules: tuple[Rule, ...]

    def failures_query(self, relation: str, columns: Mapping[str, str], row: str = "rowid") -> str:
        """A SELECT of `row, rule, field, value` for every rule that a row breaks, one scan where none does.

        Args:
            relation: the rows to check.
            columns: the contract's columns and the companions that the relation has, each with the SQL expression that
                yields it. A column that is left out is NULL. A value that cannot be cast to the contract's type fails
                the query.
            row: the column that names a row.
        """
        types = {column.name: column.duckdb_type for column in self.table.columns} | COMPANIONS
        typed = ", ".join(f"CAST({columns.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in types.items())
        any_rule = " OR ".join(f"({rule.broken})" for rule in self.rules)
        stated = _broken_of(rule for rule in self.rules if not rule.is_derived)
        derived = _broken_of(rule for rule in self.rules if rule.is_derived)
        return f"""
            WITH typed AS (SELECT {row} AS row, {typed} FROM {relation}),
            broken AS (SELECT * FROM typed WHERE {any_rule}),
            named AS (SELECT row, {stated} AS stated, {derived} AS derived FROM broken),
            shown AS (SELECT row, unnest(CASE WHEN len(stated) > 0 THEN stated ELSE derived END) AS failure FROM named)
            SELECT row, failure.rule, failure.field, failure.value FROM shown
        """


@cache
def rules_as_sql(model: Model, sources: tuple[str, ...]) -> SqlRules:
    """Every rule of the model.

    Args:
        model: the pandera model of a table.
        sources: what a row may name as its source.

    Raises:
        ContractError: the model states a check that has no SQL here.
    """
    table = table_contract(model)
    schema: Any = schema_with_sources(model, sources)
    if schema.unique or schema.strict:
        raise ContractError(f"table {table.name}: `unique` and `strict` are asked of a whole frame, not of a row")
    rules: list[Rule] = []
    for column in table.columns:
        rules += _column_rules(column, schema.columns[column.name].checks)
    for check in schema.checks:
        name, field = str(check.name).split("__")
        rules.append(Rule(name, field, check.statistics["broken"], "CAST(NULL AS VARCHAR)"))
    return SqlRules(table, tuple(rules))


def _broken_of(rules: Iterable[Rule]) -> str:
    """SQL for the list of those rules that a row breaks."""
    cases = ", ".join(
        f"CASE WHEN {rule.broken} THEN {{'rule': '{rule.name}', 'field': '{rule.field}', 'value': {rule.value}}} END"
        for rule in rules
    )
    return f"list_filter([{cases}], lambda failure: failure IS NOT NULL)"


def rule_name(column: ColumnContract, check: str) -> str:
    """The hard check that a value breaks which fails pandera's check of that name.

    Raises:
        ContractError: the check has no rule.
    """
    names = {
        "not_nullable": column.rule_when_null,
        "isin": "bad_enum",
        "str_matches": column.rule_when_unmatched,
        "greater_than_or_equal_to": "bad_number",
    }
    if check not in names:
        raise ContractError(f"column {column.name}: the check {check!r} has no rule name; give it one in `rule_name`")
    return names[check]


def _column_rules(column: ColumnContract, checks: Iterable[Any]) -> Iterator[Rule]:
    name = column.name
    if not column.nullable:
        rule = rule_name(column, "not_nullable")
        yield Rule(rule, name, f"{name} IS NULL", "CAST(NULL AS VARCHAR)", column.derived)
    value = f"'{MASK}'" if column.personal else f"left(CAST({name} AS VARCHAR), {LONGEST_VALUE})"
    for check in checks:
        rule = rule_name(column, check.name)
        stated = {argument: _literal(given) for argument, given in check.statistics.items()}
        yield Rule(rule, name, _BROKEN[check.name].format(name=name, **stated), value, column.derived)


_BROKEN = {
    "isin": "{name} NOT IN {allowed_values}",
    "str_matches": "NOT regexp_matches({name}, {pattern})",
    "greater_than_or_equal_to": "{name} < {min_value}",
}
"""The SQL of pandera's checks by their names. None of them is true for NULL, as pandera passes over missing values."""


def _literal(given: Any) -> str:
    if isinstance(given, str):
        return "'" + given.replace("'", "''") + "'"
    if isinstance(given, int):
        return str(given)
    return f"({', '.join(_literal(value) for value in given)})"
