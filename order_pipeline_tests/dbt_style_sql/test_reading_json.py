"""No model reads JSON bare: a text that only looks like JSON, or a sum too large, would stop all records of a chunk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from order_pipeline.warehouse.sql.project import PROJECT_DIRECTORY, SqlProject

PROJECT = SqlProject()
READERS = {"read_json.sql", "faults.sql"}
# What writes JSON cannot fail; what reads it, casts to it, or parses a date may.
BARE = re.compile(
    r"\bfrom_json\w*\s*\(|\bjson_(?!or_text|keys_at|quantities_at|text_at|values_at|shape_of|object\b)\w+\s*\(|->|::\s*JSON|AS\s+JSON\s*\)"
    r"|(?<!TRY_)(?<!TRY_\n)\bSTRPTIME\s*\(",
    re.IGNORECASE,
)


def bare_calls(text: str) -> list[str]:
    """JSON functions and arrows that stand outside the macros that read JSON."""
    code = re.sub(r"--[^\n]*|\{#.*?#\}", "", text, flags=re.DOTALL)
    return [found.group() for found in BARE.finditer(code)]


def sources() -> Iterator[Path]:
    """Every file of SQL but those macros."""
    yield from (path for path in sorted(PROJECT_DIRECTORY.rglob("*.sql")) if path.name not in READERS)


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_only_the_reading_macros_call_json_functions(path: Path) -> None:
    assert bare_calls(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT from_json(payload, '{}')", "SELECT extras -> '$.a'", "SELECT json_keys (payload)", "SELECT a::JSON",
        "SELECT CAST(a AS JSON)", "SELECT strptime(a, '%Y')", "SELECT JSON_EXTRACT_STRING(payload, '$.a')",
    ],
)  # fmt: skip
def test_a_bare_json_function_is_found(text: str) -> None:
    assert bare_calls(text)
    assert not bare_calls(
        f"-- {text}\nSELECT TRY_STRPTIME(a, '%Y'), {{{{ json_keys_at('payload', '$') }}}}, json_object()"
    )


def narrow_sums(sql: str) -> list[str]:
    """Sums, differences and products of two columns of which none is wide: DECIMAL(18) overflows."""
    return [
        node.sql()
        for statement in sqlglot.parse(sql, dialect="duckdb")
        if statement
        for node in statement.find_all(exp.Mul, exp.Add, exp.Sub)
        if _is_of_columns(node)
        and not any(_is_wide(cast) for cast in node.find_all(exp.Cast, exp.TryCast))
        and not node.find(exp.Sum, exp.Count, exp.Interval)
    ]


def _is_wide(cast: Any) -> bool:
    kind = cast.args["to"].sql()
    return kind.startswith(("DECIMAL(38", "DOUBLE", "INT", "DATE"))


def _is_of_columns(node: Any) -> bool:
    return all(
        side is not None and side.find(exp.Column) for side in (node.args.get("this"), node.args.get("expression"))
    )


# Of whole numbers that the pipeline made itself, or of sums, which are DECIMAL(38).
SAFE = (
    "sum_of_subtotals",
    "position",
    "part",
    "epoch_us",
    "sums.",
    "max(number)",
    "surprises",
    "lines.revenue_amount",
    "allocated_after",
    "max(ids)",
)


@pytest.mark.parametrize("name", PROJECT.models)
def test_no_model_adds_or_multiplies_narrow_decimals(name: str) -> None:
    assert [
        found for found in narrow_sums(PROJECT.graph[name].sql) if not any(word in found.lower() for word in SAFE)
    ] == []


def test_a_narrow_product_is_found() -> None:
    assert narrow_sums("SELECT price * quantity FROM lines") == ["price * quantity"]
    assert narrow_sums("SELECT CAST(price AS DECIMAL(38, 4)) * quantity FROM lines") == []
