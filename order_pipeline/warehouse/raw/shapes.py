"""Drift of shape: which keys a channel's records have, and of what type; a row of `raw.shapes` where that was news.

Only versions that a run brought are looked at, so a run that found nothing costs nothing. Their shape is compared with
what earlier looks noted: a key that the contract does not name is new, one that every object had is gone, a value is of
another type. `marts.drift` shows it. The places are those of the model `stg_<source>__unknown_keys`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache

import duckdb
import msgspec

from order_pipeline.channels.personal import PersonalKeys
from order_pipeline.contracts import MASK
from order_pipeline.warehouse.lake.bookkeeping import all_rows
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.lake.literals import date_list
from order_pipeline.warehouse.lake.memory import MemoryLimitError
from order_pipeline.warehouse.lake.rows import insert_rows
from order_pipeline.warehouse.raw.drift import DriftUnknownError
from order_pipeline.warehouse.sql.project import SqlProject

TABLE = "raw.shapes"
TABLE_DDL = """
CREATE TABLE IF NOT EXISTS raw.shapes (
    source VARCHAR NOT NULL, resource VARCHAR NOT NULL, container VARCHAR NOT NULL, path VARCHAR NOT NULL,
    kind VARCHAR NOT NULL, type VARCHAR NOT NULL, objects BIGINT NOT NULL, occurrences BIGINT NOT NULL,
    example VARCHAR NOT NULL, seen_at TIMESTAMPTZ NOT NULL, run_id VARCHAR NOT NULL
)"""

KNOWN, NEW, GONE, BACK, OTHER_TYPE = "known", "new key", "gone key", "key back", "another type"
DRIFT = frozenset({NEW, GONE, OTHER_TYPE})
ENOUGH = 20
"""Objects of a look from which on a key that all or none of them have says something."""
MOST_RECORDS, MOST_BYTES = 500, 4_000_000
"""Of a look. DuckDB tells the shape of objects from one JSON list of all: 10 MB of orders take more than 320 MB."""
LONGEST_EXAMPLE = 40
TYPES = {
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "NULL": "null",
    "JSON": "several types",
    **dict.fromkeys(("UBIGINT", "BIGINT", "DOUBLE", "HUGEINT", "UHUGEINT"), "number"),
}
_TYPE_OF = (
    "CASE json_type(object, $path) WHEN 'VARCHAR' THEN 'text' WHEN 'BOOLEAN' THEN 'boolean' WHEN 'NULL' THEN 'null'"
    " WHEN 'OBJECT' THEN 'object' WHEN 'ARRAY' THEN 'list' ELSE 'number' END"
)


@dataclass(frozen=True, slots=True)
class ShapeNews:
    """One row of `raw.shapes`: a key, as a JSON pointer with `*` for every place of a list, and what was new of it.

    `objects` were looked at, `occurrences` of them have it so; `example` is masked.
    """

    resource: str
    container: str
    path: str
    kind: str
    type: str
    objects: int
    occurrences: int
    example: str = ""


@dataclass(slots=True)
class _KnownKey:
    """What earlier looks noted of a key; `is_always`: every object of a look that was large enough had it."""

    types: set[str] = field(default_factory=set[str])
    is_always: bool = False
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """The objects of one place in this look."""

    resource: str
    container: str
    any_case: bool
    known_keys: Sequence[str]
    objects: int
    shape: str

    def types(self) -> dict[str, str]:
        found: Mapping[str, object] = msgspec.json.decode(self.shape)
        return {key: _named(kind) for key, kind in found.items()}

    def same(self, key: str) -> str:
        """What two spellings of one key have in common."""
        return key.lower() if self.any_case else key

    def path(self, key: str) -> str:
        place = self.container.removeprefix("$").replace("[*]", ".*").replace(".", "/")
        return f"{place}{_pointer(key)}"


def note_shapes(
    lake: Lake, source: str, days: Collection[date], run_id: str, personal: PersonalKeys
) -> list[ShapeNews]:
    """Look at the versions that a run brought on these days, note what is news, and return what of it is drift.

    Raises:
        DriftUnknownError: DuckDB could not look; nothing of the payloads is in it.
    """
    model = f"stg_{source}__unknown_keys"
    if not days or model not in _project().models:
        return []
    try:
        with lake.snapshot() as connection:
            places = _look(connection, model, days, run_id)
            news = [one for place in places for one in _news(connection, source, place, personal)]
        if news:
            now = datetime.now(UTC)
            rows = [
                (source, one.resource, one.container, one.path, one.kind, one.type, one.objects, one.occurrences,
                 one.example, now, run_id)
                for one in news
            ]  # fmt: skip
            lake.run("note the shape of payloads", lambda connection: insert_rows(connection, TABLE, rows))
    except (duckdb.Error, MemoryLimitError) as error:
        raise DriftUnknownError(type(error).__name__) from error
    return [one for one in news if one.kind in DRIFT]


def _look(connection: Connection, model: str, days: Collection[date], run_id: str) -> list[_Place]:
    """The places that have objects, of a sample of the run's versions in temporary tables."""
    tables = {pair: f"temp.{_table(pair[1])}" for pair in sorted(_project().sources_of([model]))}
    for (schema, table), held in tables.items():
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {held.removeprefix('temp.')} AS SELECT payload FROM (SELECT payload"
            f" FROM (SELECT payload, run_id FROM {schema}.{table} WHERE partition_day IN ({date_list(days)}) OFFSET 0)"
            f" WHERE run_id = $run_id USING SAMPLE reservoir({MOST_RECORDS} ROWS))"
            f" QUALIFY sum(strlen(payload)) OVER (ROWS UNBOUNDED PRECEDING) <= {MOST_BYTES}",
            {"run_id": run_id},
        )
    sql = _project().render(model, source=tables).sql
    found = connection.execute(
        f"SELECT resource, container, any_case, known_keys, objects, shape FROM (\n{sql}\n) WHERE objects > 0"
    )
    return [_Place(*row) for row in found.fetchall()]


def _news(connection: Connection, source: str, place: _Place, personal: PersonalKeys) -> Iterator[ShapeNews]:
    known, had_enough = _read_known(connection, source, place)
    objects = f"""(SELECT object FROM (SELECT {_project().macros({})["json_values_at"]("payload", place.container)} AS
        object FROM temp.{_table(f"{source}_{place.resource}")}) WHERE json_type(object) = 'OBJECT')"""
    named = {place.same(key) for key in place.known_keys}
    types = place.types()
    # The first look that is large enough tells which keys every object has.
    counts = _count_keys(connection, objects) if place.objects >= ENOUGH and not had_enough else {}
    for key, kind in types.items():
        before = known.get(place.same(place.path(key)))
        told = _kind_of_news(before, kind, is_named=place.same(key) in named)
        if told is None and not counts:
            continue
        found, example = (counts.get(key, 0), "")
        if told in DRIFT:
            found, example = _occurrences(connection, objects, key, None if told == NEW else kind)
            is_personal = personal.covers([part for part in place.path(key).split("/") if part not in {"", "*"}])
            example = MASK if is_personal else masked(example)
        yield ShapeNews(
            place.resource, place.container, place.path(key), told or KNOWN, kind, place.objects, found, example
        )
    if place.objects >= ENOUGH:
        here = {place.same(place.path(key)) for key in types}
        for path, before in known.items():
            if path not in here and before.is_always and not before.is_gone:
                yield ShapeNews(place.resource, place.container, path, GONE, "absent", place.objects, 0)


def _kind_of_news(before: _KnownKey | None, kind: str, *, is_named: bool) -> str | None:
    """What is new of a key; None: nothing. A key that the contract names may come late, and may be null."""
    if before is None:
        return KNOWN if is_named else NEW
    if kind != "null" and before.types and kind not in before.types:
        return OTHER_TYPE
    if before.is_gone:
        return BACK
    return KNOWN if kind != "null" and not before.types else None


def _read_known(connection: Connection, source: str, place: _Place) -> tuple[dict[str, _KnownKey], bool]:
    """What is noted of the place's keys, by path; and whether one of the looks was large enough."""
    known: dict[str, _KnownKey] = {}
    had_enough = False
    for path, kind, type_, objects, occurrences in connection.execute(
        f"SELECT path, kind, type, objects, occurrences FROM {all_rows(TABLE)}"
        " WHERE source = ? AND resource = ? AND container = ? ORDER BY seen_at",
        [source, place.resource, place.container],
    ).fetchall():
        key = known.setdefault(place.same(path), _KnownKey())
        had_enough |= objects >= ENOUGH
        key.types |= {type_} - {"null", "absent"}
        key.is_always |= objects >= ENOUGH and occurrences == objects and kind in {KNOWN, BACK, NEW}
        key.is_gone = kind == GONE
    return known, had_enough


def _count_keys(connection: Connection, objects: str) -> dict[str, int]:
    return dict(
        connection.execute(
            f"SELECT key, count(*) FROM (SELECT unnest(list_distinct(json_keys(object))) AS key FROM {objects})"
            " GROUP BY key"
        ).fetchall()
    )


def _occurrences(connection: Connection, objects: str, key: str, kind: str | None) -> tuple[int, str]:
    """How many objects have the key, of the type where one is given; and the value of one of them."""
    of_type = "" if kind is None or kind == "several types" else " AND type = $type"
    values = {"path": _pointer(key)} | ({"type": kind} if of_type else {})
    found = connection.execute(
        f"SELECT count(*), any_value(value) FROM (SELECT {_TYPE_OF} AS type, json_extract_string(object, $path) AS"
        f" value, json_exists(object, $path) AS is_there FROM {objects}) WHERE is_there{of_type}",
        values,
    ).fetchone()
    return (found[0], found[1] or "") if found else (0, "")


def masked(value: str) -> str:
    """The form of a value without what it says: letters as `a` or `A`, digits as `9`."""
    form = re.sub(r"[^\W\d_]", lambda letter: "A" if letter[0].isupper() else "a", re.sub(r"\d", "9", value))
    return form[:LONGEST_EXAMPLE]


def _named(kind: object) -> str:
    if isinstance(kind, Mapping):
        return "object"
    return "list" if isinstance(kind, list) else TYPES.get(str(kind), str(kind).lower())


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _table(name: str) -> str:
    return f"shape_of_{name}"


@cache
def _project() -> SqlProject:
    """The SQL project whose models of unknown keys yield shapes."""
    return SqlProject(variables={"keys_as_shapes": True})
