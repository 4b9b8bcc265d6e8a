"""What all core tables share: the columns of section 1 and the rules that several tables repeat."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
import pandera.pandas as pandera
from pandera.api.pandas.model_config import BaseConfig

from order_pipeline.contracts.pandera_types import name_types_without_dask
from order_pipeline.contracts.types import ACCOUNT_PATTERN, Day, Text, Time, column

name_types_without_dask()

COMPANIONS = {"is_partial": "BOOLEAN"}
"""Columns that staging may put beside a contract's own for the rules to read, with their DuckDB types."""


class CoreTable(pandera.DataFrameModel):
    """Columns of every core table (docs/apis/common_schema.md section 1)."""

    source: Text = column("channel the row came from", required=True, names_source=True)
    account: Text = column(
        "shop, manufacturer or customer number at the channel; holds no colon",
        required=True,
        pattern=ACCOUNT_PATTERN,
        rule_when_unmatched="missing_key",
    )
    order_day: Day = column(
        "partition: UTC date of the order's own time", required=True, rule_when_null="bad_timestamp"
    )
    raw_record_id: Text = column("record id of the raw version that the row was built from", required=True)
    raw_sha256: Text = column("SHA-256 of that raw version", required=True)
    fetched_at: Time = column("when that raw version was fetched", required=True)
    run_id: Text = column("run that built the row", required=True)

    class Config(BaseConfig):
        """Columns beyond the contract are companions, not errors."""

        strict = False
        metadata: dict[str, Any] | None = None


def table_config(name: str, key: tuple[str, ...], *, append_only: bool = False) -> type[CoreTable.Config]:
    """The `Config` of a core table: its name, its key, and whether rows are only ever added."""
    return type("Config", (CoreTable.Config,), {"name": name, "metadata": {"key": key, "append_only": append_only}})


def row_rule(rule: str, field: str, good: Callable[[pd.DataFrame], pd.Series], broken: str) -> Any:
    """A check over whole rows, for the body of a model; it is stated for a frame and for SQL.

    A test proves that both statements reject the same rows.

    Args:
        rule: the hard check (docs/apis/common_schema.md section 13) that a bad row breaks.
        field: the column that the reject names.
        good: True for each good row of a frame.
        broken: SQL condition over the table's columns and companions, true for a bad row.
    """

    def check(_model: type[pandera.DataFrameModel], frame: pd.DataFrame) -> pd.Series:
        return good(frame)

    return pandera.dataframe_check(name=f"{rule}__{field}", ignore_na=False, statistics={"broken": broken})(check)


def amounts_need_currency(amounts: Iterable[str]) -> Any:
    """Row rule `bad_currency`: no amount stands without a currency.

    Rows that staging marks `is_partial` are exempt: a summary that states an amount but no currency.
    """
    names = list(amounts)

    def good(frame: pd.DataFrame) -> pd.Series:
        is_good = frame["currency"].notna() | frame[names].isna().all(axis="columns")
        if "is_partial" in frame.columns:
            is_good |= frame["is_partial"].fillna(value=False)
        return is_good

    any_stated = " OR ".join(f"{name} IS NOT NULL" for name in names)
    return row_rule("bad_currency", "currency", good, f"currency IS NULL AND is_partial IS NOT TRUE AND ({any_stated})")
