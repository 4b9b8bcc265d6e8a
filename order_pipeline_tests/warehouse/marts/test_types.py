"""The columns of the marts have types that every tool takes: whole numbers BIGINT, times with their zone."""

from __future__ import annotations

import duckdb
import pytest

from order_pipeline.warehouse.sql.project import SqlProject

MARTS = [name for name, model in SqlProject().models.items() if model.schema == "marts"]
ODD = {"HUGEINT", "UBIGINT", "INTEGER", "TIMESTAMP", '"NULL"'}
"""HUGEINT is what sum() makes of whole numbers; pandas reads it as a float."""


def odd_columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    """Column and type of what another tool may not read as it is."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return [(name, kind) for name, kind, *_ in described if kind in ODD]


@pytest.mark.parametrize("mart", MARTS)
def test_every_column_has_a_type_that_other_tools_read(empty_marts: duckdb.DuckDBPyConnection, mart: str) -> None:
    assert odd_columns(empty_marts, f"marts.{mart}") == []


def test_a_sum_of_whole_numbers_is_found() -> None:
    with duckdb.connect() as connection:
        assert odd_columns(connection, "(SELECT sum(n) AS total FROM range(3) AS numbers(n))") == [("total", "HUGEINT")]
