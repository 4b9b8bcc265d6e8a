"""The tables and marts once a module; what a test adds to them goes away with it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from order_pipeline_tests.warehouse.marts.world import World, make_world


@pytest.fixture(scope="session")
def empty_marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with make_world() as connection:
        yield connection


@pytest.fixture
def world(empty_marts: duckdb.DuckDBPyConnection) -> Iterator[World]:
    empty_marts.execute("BEGIN")
    try:
        yield World(empty_marts)
    finally:
        empty_marts.execute("ROLLBACK")
