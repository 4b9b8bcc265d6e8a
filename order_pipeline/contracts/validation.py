"""The check: a frame against a table's contract, lazily, every failure named by rule, field and value.

Belongs here: translating pandera's failure cases to the rules of common_schema.md section 13. Does not belong here:
what happens to a reject. Never `drop_invalid_rows` (silent loss), never `n_failure_cases` (hides rows).
"""

from __future__ import annotations

from functools import cache, lru_cache

import pandas as pd
import pandera.errors
import pandera.pandas as pandera

from order_pipeline.contracts.base import read_by_row_rules, row_mask
from order_pipeline.contracts.generate import ColumnContract, Model, TableContract, table_contract

MASK = "***"
LONGEST_VALUE = 200
REJECT_COLUMNS = ("row", "rule", "field", "value")


# At its first check pandera imports its backends, and hypothesis where tests are installed (0.2 s): done here, because
# the threads of a build would all wait for it.
pandera.DataFrameSchema({}).validate(pd.DataFrame())


class ContractError(TypeError):
    """A frame does not even have the contract's columns and types: a defect of the SQL, not of the data."""


def find_failures(model: Model, frame: pd.DataFrame) -> pd.DataFrame:
    """Check a frame; one row per broken rule: `row` (index label), `rule`, `field`, `value` (masked text or None).

    A frame whose columns were given the contract's types needs only `columns_to_check`.

    Raises:
        ContractError: one of those columns is missing, or a column has another type.
    """
    try:
        # Nothing is coerced: a copy would only cost memory.
        _without(model, columns_that_hold(model, frame)).validate(frame, lazy=True, inplace=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
    else:
        return pd.DataFrame({name: [] for name in REJECT_COLUMNS}, dtype="object")
    table = table_contract(model)
    return _without_derived(table, _named_failures(table, frame, cases))


@cache
def columns_to_check(model: Model) -> frozenset[str]:
    """Columns of which more is asked than their type, and those that the model's row rules look at."""
    schema = model.to_schema()
    asked = {
        name for name, column in schema.columns.items() if not (column.nullable and _needs_no_check(schema, column))
    }
    return read_by_row_rules(model) | asked


def columns_that_hold(model: Model, frame: pd.DataFrame) -> frozenset[str]:
    """Columns that have what is asked of them: their type, and values where none may be missing or none is there.

    Pandera takes half a millisecond to find that out of one column, more where it has checks; these are four of five.
    """
    types = frame.dtypes.to_dict()
    schema = model.to_schema()
    left_out = schema.columns.keys() - types.keys() - columns_to_check(model)
    return frozenset(left_out).union(
        name
        for name, column in schema.columns.items()
        if name in types and types[name] == column.dtype.type and _holds(schema, column, frame[name])
    )


def _holds(schema: pandera.DataFrameSchema, column: pandera.Column, values: pd.Series) -> bool:
    if column.nullable:
        return _needs_no_check(schema, column) or not (
            schema.strict or column.unique or values.notna().any()  # checks pass over nulls
        )
    return _needs_no_check(schema, column) and not values.hasnans


def _needs_no_check(schema: pandera.DataFrameSchema, column: pandera.Column) -> bool:
    """Whether type and nulls are all that is asked of a column."""
    return not (schema.strict or column.checks or column.unique)


@lru_cache(maxsize=1024)
def _without(model: Model, columns: frozenset[str]) -> pandera.DataFrameSchema:
    """The model as a schema, less some columns; its checks over whole rows still see all of the frame."""
    schema = model.to_schema()
    return schema.remove_columns(sorted(columns)) if columns else schema


def validate(model: Model, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a frame into the good rows and the failures (see `find_failures`). No row is in neither."""
    failures = find_failures(model, frame)
    return frame.drop(index=failures["row"].unique()), failures


def _named_failures(table: TableContract, frame: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    columns = {column.name: column for column in table.columns}
    parts: list[pd.DataFrame] = []
    for (context, column_name, check), group in cases.groupby(["schema_context", "column", "check"], dropna=False):
        good = row_mask(table.model, str(check), frame)
        if good is not None:
            rule, field = str(check).split("__", 1)
            parts.append(pd.DataFrame({"row": frame.index[~good], "rule": rule, "field": field, "value": None}))
            continue
        if group["index"].isna().any():
            message = f"table {table.name}: {check} on {column_name} ({context}): {group['failure_case'].iloc[0]!r}"
            raise ContractError(message)
        if check == "multiple_fields_uniqueness":
            rule, field = "duplicate_key", table.key[-1]
            group = group[group["column"] == field]  # noqa: PLW2901
            values = group["failure_case"].astype("object")
        else:
            rule, field = _rule_of(columns[str(column_name)], str(check)), str(column_name)
            values = group["failure_case"].map(lambda value: None if pd.isna(value) else str(value)[:LONGEST_VALUE])
        if field in columns and columns[field].personal:
            values = values.map(lambda value: None if value is None else MASK)
        parts.append(pd.DataFrame({"row": group["index"], "rule": rule, "field": field, "value": values}))
    return pd.concat(parts, ignore_index=True)


def _rule_of(column: ColumnContract, check: str) -> str:
    if check == "not_nullable":
        return column.rule_when_null
    if check.startswith("isin"):
        return "bad_enum"
    if check.startswith("str_matches"):
        return column.rule_when_unmatched
    if check.startswith("greater_than_or_equal_to"):
        return "bad_number"
    message = f"column {column.name}: the check {check!r} has no rule name"
    raise ContractError(message)


def _without_derived(table: TableContract, failures: pd.DataFrame) -> pd.DataFrame:
    """Leave out a derived column's failure where the column it is built from is reported for the same row."""
    derived = {column.name for column in table.columns if column.derived}
    is_derived = failures["field"].isin(derived)
    explained = failures["row"].isin(failures.loc[~is_derived, "row"])
    return failures.loc[~(is_derived & explained)].reset_index(drop=True)
