"""Each column of the lake in which a person of the demo is found is called personal by the dictionary."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from order_pipeline.channels.registry import channels
from order_pipeline.dictionary.words import words_of_lake
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.catalog import Connection
from order_pipeline.warehouse.lake.connection import Lake, relations
from order_pipeline.warehouse.sql.project import SqlProject

SHORTEST, SHORTEST_NUMBER = 6, 9
"""A shorter text stands in other words, a shorter number in other numbers."""


def texts_of_people(connection: Connection) -> set[str]:
    """What the payloads say that could find somebody."""
    texts = set[str]()
    for channel in channels().values():
        for resource in channel.resources:
            rows = connection.execute(f"SELECT payload FROM raw.{channel.name}_{resource}").fetchall()
            texts |= {text for (payload,) in rows for text in channel.personal.identifying(payload.encode())}
    return {text for text in texts if len(text) >= (SHORTEST_NUMBER if text.isdigit() else SHORTEST)}


def columns_with(connection: Connection, relation: str, texts: set[str]) -> Iterator[str]:
    """The columns of a table or view in which one of the texts stands."""
    rows = connection.execute(f"SELECT * FROM {relation} LIMIT 40")
    names = [column[0] for column in rows.description or ()]
    for name, values in zip(names, zip(*rows.fetchall(), strict=True), strict=False):
        shown = " ".join(map(str, values))
        if any(text in shown for text in texts):
            yield f"{relation}.{name}"


@pytest.mark.slow
def test_every_column_that_shows_a_person_is_called_personal(demo) -> None:
    words = words_of_lake(SqlProject())
    called = {
        f"{relation}.{name}"
        for relation, said in words.items()
        for name in said.columns
        if said.columns[name].is_personal
    }
    lake = Lake(Settings(data_dir=demo))
    with lake.connect(read_only=True) as connection:
        texts = texts_of_people(connection)
        shown = {
            column
            for relation in sorted(relations(connection) & words.keys())
            for column in columns_with(connection, relation, texts)
        }
    assert {"core.orders.ship_to_name", "marts.pick_lines.customer_name", "raw.kibo_orders.payload"} <= shown
    assert shown - called == set()


def test_a_column_that_shows_a_person_is_found() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE rows AS SELECT 'to Ada Lovelace' AS note, 'order 1' AS subject")
        assert list(columns_with(connection, "main.rows", {"Ada Lovelace"})) == ["main.rows.note"]
