"""A contract's rules in SQL reject what pandera rejects: the same rows, rules, fields and values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from order_pipeline.contracts import (
    CORE_TABLES,
    MASK,
    ContractError,
    ItemLocations,
    Model,
    SqlRules,
    find_failures,
    rules_as_sql,
    table_contract,
)
from order_pipeline.contracts.base import CoreTable
from order_pipeline.contracts.types import Quantity, Text, column
from order_pipeline_tests.contracts.rows import COMMON, GOOD, NOW, SOURCES, arrow_rows

CONNECTION = duckdb.connect()
Failures = list[tuple[int, str, str, str | None]]

TEXTS = ["", " ", "open", "OPEN", "issued", "requested", "kibo", "ebay", "unit", "pricing", "USD", "usd", "USDX", "US"]
TEXTS += ["USD\n", "\nUSD", "a:b", "a\nb", "ÄÖÜ", "U\u0308SD", "💶" * 3, "é" * 300, "a'b", "\x00", "USD\x00"]
LISTS = [[], ["delivery"], ["serials", "delivery"], ["delivery", "attic"], ["delivery", None], [""]]


def values_for(kind: pa.DataType) -> st.SearchStrategy[object]:
    """Good and bad values of a type. All of them can be stored: what cannot be cast never reaches a contract."""
    if pa.types.is_string(kind):
        return st.sampled_from(TEXTS) | st.text(max_size=4)
    if pa.types.is_list(kind):
        return st.sampled_from(LISTS)
    if pa.types.is_decimal(kind):
        return st.decimals(-2, 99, places=kind.scale)
    if pa.types.is_integer(kind):
        return st.integers(-(2**31), 2**31 - 1)
    if pa.types.is_boolean(kind):
        return st.booleans()
    return st.just(NOW if pa.types.is_timestamp(kind) else NOW.date())


def changes_of(table: str) -> st.SearchStrategy[dict[str, object]]:
    """What differs between the good row and another one: few columns, so that rows break one rule as well as many."""
    kinds = {column.name: column.arrow_type for column in table_contract(CORE_TABLES[table]).columns}
    kinds["is_partial"] = pa.bool_()
    change = st.sampled_from(sorted(kinds)).flatmap(
        lambda name: st.tuples(st.just(name), st.none() | values_for(kinds[name]))
    )
    return st.lists(change, max_size=6).map(dict)


def one_bad_thing_a_row(table: str) -> Iterator[dict[str, object]]:
    """Every column with each value that some rule may refuse, all else good."""
    for declared in table_contract(CORE_TABLES[table]).columns:
        values: list[object] = [None]
        if pa.types.is_string(declared.arrow_type):
            values += TEXTS
        elif pa.types.is_list(declared.arrow_type):
            values += LISTS
        elif pa.types.is_decimal(declared.arrow_type) or pa.types.is_integer(declared.arrow_type):
            values += [-1, 0, 1]
        yield from ({declared.name: value} for value in values)


def found_by_pandera(table: str, rows: pa.Table) -> Failures:
    failures = find_failures(CORE_TABLES[table], rows.to_pandas(types_mapper=pd.ArrowDtype), SOURCES)
    found = [
        (int(row), rule, field, None if pd.isna(value) else value)
        for row, rule, field, value in failures.itertuples(index=False)
    ]
    return sorted(found, key=repr)


def found_by_sql(rules: SqlRules, rows: pa.Table) -> Failures:
    query = rules.failures_query("numbered", {name: name for name in rows.column_names}, row="line")
    with CONNECTION.cursor() as connection:
        connection.register("numbered", rows.append_column("line", pa.array(range(len(rows)), pa.int64())))
        return sorted(connection.execute(query).fetchall(), key=repr)


@pytest.mark.costly
@pytest.mark.parametrize("table", CORE_TABLES)
@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_sql_and_pandera_reject_the_same_rows(table: str, data: st.DataObject) -> None:
    rows = arrow_rows(table, *data.draw(st.lists(changes_of(table), min_size=1, max_size=15)))
    assert found_by_sql(rules_as_sql(CORE_TABLES[table], SOURCES), rows) == found_by_pandera(table, rows)


@pytest.mark.parametrize("table", CORE_TABLES)
def test_every_single_bad_value_is_named_alike(table: str) -> None:
    rows = arrow_rows(table, *one_bad_thing_a_row(table))
    found = found_by_sql(rules_as_sql(CORE_TABLES[table], SOURCES), rows)
    assert found == found_by_pandera(table, rows)
    assert any(value is not None and len(value) == 200 for *_, value in found)


@pytest.mark.costly
@pytest.mark.parametrize("table", CORE_TABLES)
def test_a_rule_that_is_broken_on_purpose_shows_in_the_comparison(table: str) -> None:
    rows = arrow_rows(table, *one_bad_thing_a_row(table))
    expected = found_by_pandera(table, rows)
    sql = rules_as_sql(CORE_TABLES[table], SOURCES)
    assert found_by_sql(sql, rows) == expected
    for number, rule in enumerate(sql.rules):
        for wrong in (replace(rule, broken="false"), replace(rule, broken="true"), replace(rule, name="other")):
            rules = (*sql.rules[:number], wrong, *sql.rules[number + 1 :])
            assert found_by_sql(replace(sql, rules=rules), rows) != expected, rule


@pytest.mark.parametrize("table", CORE_TABLES)
def test_a_column_that_the_relation_lacks_is_null(table: str) -> None:
    rows = arrow_rows(table)
    kept = rows.select(["source", "account", *GOOD[table]])
    lacking = arrow_rows(table, dict.fromkeys(set(rows.column_names) - set(kept.column_names)))
    assert found_by_sql(rules_as_sql(CORE_TABLES[table], SOURCES), kept) == found_by_pandera(table, lacking)


def test_values_are_masked_in_personal_columns_and_cut_in_others() -> None:
    class Named(CoreTable):
        ship_to_name: Text = column("recipient", personal=True, pattern="^[a-z]+$")
        city: Text = column("city", pattern="^[a-z]+$")

        class Config(CoreTable.Config):
            name = "named"
            metadata = {"key": ("raw_record_id",)}  # noqa: RUF012

    rows = pa.table({name: [value] for name, value in {**COMMON, "ship_to_name": "Ann", "city": "é" * 300}.items()})
    failures = find_failures(Named, rows.cast(_schema(Named)).to_pandas(types_mapper=pd.ArrowDtype), SOURCES)
    expected = [(0, "bad_enum", "city", "é" * 200), (0, "bad_enum", "ship_to_name", MASK)]
    assert sorted(failures.itertuples(index=False, name=None)) == expected
    assert found_by_sql(rules_as_sql(Named, SOURCES), rows) == expected


def test_a_check_without_a_rule_is_refused() -> None:
    class Limited(CoreTable):
        weight: Quantity = pandera.Field(lt=5)

        class Config(CoreTable.Config):
            name = "limited"
            metadata = {"key": ("raw_record_id",)}  # noqa: RUF012

    with pytest.raises(ContractError, match=r"weight: the check 'less_than'"):
        rules_as_sql(Limited, SOURCES)


def _schema(model: Model) -> pa.Schema:
    return pa.schema([(column.name, column.arrow_type) for column in table_contract(model).columns])


def test_a_model_whose_rules_need_the_whole_frame_has_no_sql() -> None:
    with pytest.raises(ContractError, match="item_locations"):
        rules_as_sql(ItemLocations, SOURCES)
