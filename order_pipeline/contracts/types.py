"""Column types of the common order schema: one alias per kind of fact, each an Arrow type DuckDB writes without loss.

`column()` is the one way in which a table declares a column. The types follow docs/apis/common_schema.md section 1: ids
are text, money DECIMAL(18,4), quantities DECIMAL(18,3), rates DECIMAL(9,6), times UTC.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa

Text = Annotated[pd.ArrowDtype, pa.string()]
TextList = Annotated[pd.ArrowDtype, pa.list_(pa.string())]
Money = Annotated[pd.ArrowDtype, pa.decimal128(18, 4)]
Quantity = Annotated[pd.ArrowDtype, pa.decimal128(18, 3)]
Rate = Annotated[pd.ArrowDtype, pa.decimal128(9, 6)]
Time = Annotated[pd.ArrowDtype, pa.timestamp("us", "UTC")]
Day = Annotated[pd.ArrowDtype, pa.date32()]
Flag = Annotated[pd.ArrowDtype, pa.bool_()]
Count = Annotated[pd.ArrowDtype, pa.int32()]

DUCKDB_TYPES: dict[pa.DataType, str] = {
    pa.string(): "VARCHAR",
    pa.list_(pa.string()): "VARCHAR[]",
    pa.decimal128(18, 4): "DECIMAL(18,4)",
    pa.decimal128(18, 3): "DECIMAL(18,3)",
    pa.decimal128(9, 6): "DECIMAL(9,6)",
    pa.timestamp("us", "UTC"): "TIMESTAMPTZ",
    pa.date32(): "DATE",
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
}
"""Arrow type -> DuckDB type. JSON is text to Arrow; a column says `json=True` to be JSON in the lake."""

CURRENCY_PATTERN = r"^[A-Z]{3}$"
ACCOUNT_PATTERN = r"^[^:]+$"


def column(
    description: str,
    *,
    required: bool = False,
    rule_when_null: str = "missing_key",
    one_of: Sequence[str] | None = None,
    names_source: bool = False,
    pattern: str | None = None,
    rule_when_unmatched: str = "bad_enum",
    at_least: int | None = None,
    personal: bool = False,
    derived: bool = False,
    json: bool = False,
    default: str | None = None,
) -> Any:
    """Declare one column of a core table.

    Args:
        description: what the fact means; shown by Dagster and in the lake's documentation.
        required: the column is never null. A null is rejected with `rule_when_null`.
        rule_when_null: name of the hard check (docs/apis/common_schema.md section 13) that a null in a required column
            breaks.
        one_of: the normalised values; anything else breaks `bad_enum`.
        names_source: the values are the sources that the caller of a check names; anything else breaks `bad_enum`.
        pattern: regular expression, starting with `^`, that a text must match, else `rule_when_unmatched` is broken.
        rule_when_unmatched: name of the hard check that a text outside `pattern` breaks.
        at_least: smallest number allowed, else `bad_number` is broken.
        personal: personal data; its values are masked wherever a reject or a sample is shown.
        derived: built from other columns of the row; reported only if none of those is.
        json: the text is JSON, and the lake's column too.
        default: of a column that a table gains: what the rows of before have in it, as text (`0`, `false`). Without it
            they have NULL until their day is built again.
    """
    return pandera.Field(
        nullable=not required,
        description=description,
        isin=list(one_of) if one_of is not None else None,
        str_matches=pattern,
        ge=at_least,
        metadata={
            "rule_when_null": rule_when_null,
            "rule_when_unmatched": rule_when_unmatched,
            "personal": personal,
            "derived": derived,
            "json": json,
            "names_source": names_source,
            "default": default,
        },
    )
