"""The check of a frame by pandera: every failure named by rule, field and value.

Never `drop_invalid_rows` (silent loss), never `n_failure_cases` (hides rows).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import pandas as pd
import pandera.errors

from order_pipeline.contracts.generate import Model, TableContract, schema_with_sources, table_contract
from order_pipeline.contracts.rules import LONGEST_VALUE, MASK, ContractError, rule_name

REJECT_COLUMNS = ("row", "rule", "field", "value")


def find_failures(model: Model, frame: pd.DataFrame, sources: tuple[str, ...]) -> pd.DataFrame:
    """Check a frame; one row per broken rule: `row` (index label), `rule`, `field`, `value` (masked text or None).

    Args:
        model: the pandera model of the table.
        frame: rows with the contract's columns, in its types; companions may stand beside them.
        sources: what a row may name as its source.

    Raises:
        ContractError: a column is missing or has another type than the contract's.
    """
    try:
        schema_with_sources(model, sources).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        table, cases = table_contract(model), error.failure_cases
    else:
        return pd.DataFrame({name: [] for name in REJECT_COLUMNS}, dtype="object")
    return _without_derived(table, _named_failures(table, cases))


def _named_failures(table: TableContract, cases: pd.DataFrame) -> pd.DataFrame:
    columns = {column.name: column for column in table.columns}
    parts: list[pd.DataFrame] = []
    for (column_name, check), group in cases.groupby(["column", "check"], dropna=False):
        name = str(check).split("(", maxsplit=1)[0]
        if group["index"].isna().any():
            raise ContractError(f"table {table.name}: {check} on {column_name}: {group['failure_case'].iloc[0]!r}")
        if "__" in name:  # a row rule: pandera lists every column of a bad row
            rule, field = name.split("__")
            shown = pd.Series(None, index=group.index)
        elif name == "multiple_fields_uniqueness":
            rule, field = "duplicate_key", table.key[-1]
            if column_name != field:
                continue
            shown = group["failure_case"]
        else:
            rule, field = rule_name(columns[str(column_name)], name), str(column_name)
            shown = group["failure_case"]
        values = shown.map(_masked if columns[field].personal else _cut)
        parts.append(pd.DataFrame({"row": group["index"], "rule": rule, "field": field, "value": values}))
    return pd.concat(parts, ignore_index=True).drop_duplicates(["row", "rule", "field"])


def _cut(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)[:LONGEST_VALUE]


def _masked(value: Any) -> str | None:
    return None if pd.isna(value) else MASK


def _without_derived(table: TableContract, failures: pd.DataFrame) -> pd.DataFrame:
    """Leave out a derived column's failure where the column it is built from is reported for the same row."""
    derived = {column.name for column in table.columns if column.derived}
    is_derived = failures["field"].isin(derived)
    explained = failures["row"].isin(failures.loc[~is_derived, "row"])
    return failures.loc[~(is_derived & explained)].reset_index(drop=True)
