"""What all core tables share: the columns of section 1 and the checks that several tables repeat.

Belongs here: the base model. Does not belong here: a table's own columns, and anything that touches a database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pandas as pd
import pandera.pandas as pandera
from pandera.api.pandas.model_config import BaseConfig

from order_pipeline.contracts.enumerations import SOURCES
from order_pipeline.contracts.types import ACCOUNT_PATTERN, Day, Text, Time, column


class CoreTable(pandera.DataFrameModel):
    """Columns of every core table (common_schema.md section 1)."""

    source: Text = column("channel the row came from", required=True, one_of=SOURCES)
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
        """Extra columns are companions of the check (`is_partial`), not errors."""

        strict = False


RowMask = Callable[[Any, pd.DataFrame], pd.Series]
_ROW_MASKS: dict[tuple[str, str], RowMask] = {}
_READ_BY_RULES: dict[str, frozenset[str]] = {}


def row_rule(rule: str, field: str, reads: Collection[str]) -> Callable[[RowMask], Any]:
    """Make a method a check over whole rows: it returns True for each good row of a frame.

    Pandera is told only whether all rows are good: its failure cases of a frame-level check hold every column of every
    bad row. Which rows are bad is asked of the method again, through `row_mask`.

    Args:
        rule: the hard check (common_schema.md section 13) that a bad row breaks.
        field: the column that the reject names.
        reads: the columns that the method looks at.
    """
    name = f"{rule}__{field}"

    def decorate(mask: RowMask) -> Any:
        model = mask.__qualname__.split(".")[0]
        _ROW_MASKS[model, name] = mask
        _READ_BY_RULES[model] = _READ_BY_RULES.get(model, frozenset[str]()) | {*reads}

        def all_good(cls: type[pandera.DataFrameModel], frame: pd.DataFrame) -> bool:
            return bool(mask(cls, frame).all())

        return pandera.dataframe_check(name=name)(all_good)

    return decorate


def row_mask(model: type[pandera.DataFrameModel], name: str, frame: pd.DataFrame) -> pd.Series | None:
    """Which rows are good by the model's row rule of that name (`rule__field`); None if it has no such rule."""
    mask = _ROW_MASKS.get((model.__name__, name))
    return None if mask is None else mask(model, frame)


def read_by_row_rules(model: type[pandera.DataFrameModel]) -> frozenset[str]:
    """The columns that the model's row rules look at."""
    return _READ_BY_RULES.get(model.__name__, frozenset())


def read_for_currency(amounts: tuple[str, ...]) -> tuple[str, ...]:
    """What `amount_has_currency` looks at."""
    return ("source", "currency", *amounts)


def amount_has_currency(frame: pd.DataFrame, amounts: tuple[str, ...]) -> pd.Series:
    """Rule `bad_currency`: True where no amount stands without a currency.

    Skroutz is exempt (always EUR), and so are rows that staging marks `is_partial`: a summary that states an amount
    but no currency.
    """
    has_currency = frame["currency"].notna()
    if has_currency.all():
        return has_currency
    stated = pd.Series(data=False, index=frame.index)
    for amount in amounts:
        stated = stated | frame[amount].notna()
    exempt = frame["source"] == "skroutz"
    if "is_partial" in frame.columns:
        exempt = exempt | frame["is_partial"].fillna(value=False)
    return ~stated | has_currency | exempt
