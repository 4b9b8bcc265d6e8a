"""What libraries say of what they could not read, and how much of it is left: nothing of the record."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import duckdb
import httpx
import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
import sqlalchemy
from dagster._utils.error import serializable_error_info_from_exc_info
from pydantic import TypeAdapter
from sqlalchemy.exc import OperationalError

from order_pipeline.http.errors import ApiError
from order_pipeline.orchestration.redacted_errors import redact_dagster
from order_pipeline.redaction.errors import described, told, traceback_of
from order_pipeline.redaction.process import redact_this_process
from order_pipeline.warehouse.lake.catalog import LakeError

GREEK = "\u039a\u03b1\u03bd\u03b1\u03c1\u03af\u03bd\u03b7"
FIELDS = (
    "Eleni Kanarinopoulou",
    "O'Kanari",
    'Odos "Kanari" 7',
    "kanari@example.gr",
    "6940000177",
    "+30 694 000 0177",
    GREEK,
)
"""As the channels send them: names with and without quotes, an address, an e-mail, telephone numbers, Greek."""
SIGNS = ("kanari", GREEK.lower(), "0000177", "000 0177")
NAME = FIELDS[0]


def _of_duckdb(query: str) -> Callable[[str], object]:
    return lambda value: duckdb.execute(query, [value]).fetchall()


def _of_sqlalchemy(value: str) -> None:
    with sqlalchemy.create_engine("sqlite://").begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE people (name TEXT PRIMARY KEY)"))
        for _ in range(2):
            connection.execute(sqlalchemy.text("INSERT INTO people VALUES (:name)"), {"name": value})


def _of_duckdbs_constraint(value: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE people (name VARCHAR PRIMARY KEY)")
        connection.execute("INSERT INTO people VALUES (?)", [value]).execute("INSERT INTO people VALUES (?)", [value])


def _of_pandera(value: str) -> None:
    pandera.DataFrameSchema({"phone": pandera.Column(str, pandera.Check.str_matches("^x$"))}).validate(
        pd.DataFrame({"phone": [value]}), lazy=True
    )


def _of_httpx(value: str) -> None:
    request = httpx.Request("GET", f"https://api.example.gr/orders?email={value}&token=Kanaritoken")
    httpx.Response(500, request=request).raise_for_status()


LIBRARIES: dict[str, Callable[[str], object]] = {
    "duckdb: a number": _of_duckdb("SELECT CAST(? AS TINYINT)"),
    "duckdb: a date": _of_duckdb("SELECT strptime(?, '%Y-%m-%d')"),
    "duckdb: JSON": _of_duckdb("SELECT json(?)"),
    "duckdb: error() of a model": _of_duckdb("SELECT error('cannot read \"' || ? || '\"')"),
    "duckdb: a key twice": _of_duckdbs_constraint,
    "sqlalchemy: a key twice": _of_sqlalchemy,
    "pandera: failure cases": _of_pandera,
    "pydantic": TypeAdapter(bool).validate_python,
    "pyarrow": lambda value: pa.array([value]).cast(pa.date32()),
    "json": lambda value: json.loads('{"name": ' + value),
    "msgspec": lambda value: msgspec.json.decode(json.dumps([value]), type=list[datetime]),
    "a float": float,
    "a date": datetime.fromisoformat,
    "a key": lambda value: {}[value],
    "decimal": Decimal,
    "a codec": lambda value: f"{value}\udcff".encode(),
    "httpx: a URL": _of_httpx,
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_error_of_a_library_repeats_a_field(library: str) -> None:
    failed = 0
    for value in FIELDS:
        try:
            LIBRARIES[library](value)
        except Exception as error:  # noqa: BLE001 - each library has its own
            failed += 1
            shown = described(error) + traceback_of(error)
            error_class = type(error).__name__
            assert shown.startswith(error_class), shown
            assert not any(part in shown.lower() for part in SIGNS), shown
    assert failed


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (FileNotFoundError(2, "No such file or directory", "/data/x"), "No such file or directory: '/data/x'"),
        (duckdb.CatalogException('Table with name "orderz" does not exist!'), 'name "orderz" does not exist'),
        (duckdb.InvalidInputException('Invalid Input Error: Cannot execute statement of type "UPDATE"'), '"UPDATE"'),
        (AttributeError("'Lake' object has no attribute 'rows'"), "no attribute 'rows'"),
        (LakeError("There is no lake at '/data' yet"), "'/data' yet"),
    ],
)
def test_what_no_record_can_stand_in_is_told_whole(error: Exception, shown: str) -> None:
    assert shown in told(error)


def test_a_server_that_is_down_is_told_without_its_password() -> None:
    engine = sqlalchemy.create_engine("postgresql+psycopg://pipeline:Kanari-pw@127.0.0.1:1/operations")
    with pytest.raises(OperationalError) as failed:
        engine.connect()
    assert "Connection refused" in described(failed.value)
    assert "Kanari" not in described(failed.value)


def _read_with_cause() -> None:
    try:
        duckdb.execute("SELECT CAST(? AS INTEGER)", [NAME])
    except duckdb.Error as error:
        raise ApiError("the body is not what 'GET /orders' promises", next_step="Look at it.") from error


def test_dagster_stores_no_field_and_keeps_what_we_say() -> None:
    redact_dagster()
    with pytest.raises(ApiError) as failed:
        _read_with_cause()
    stored = serializable_error_info_from_exc_info((failed.type, failed.value, failed.tb))
    assert "Kanari" not in stored.to_string()
    assert "what 'GET /orders' promises" in stored.message
    assert stored.cause is not None
    assert stored.cause.message == "_duckdb.ConversionException: Conversion Error: Could not convert string …\n"
    assert any("test_errors.py" in frame for frame in stored.stack)


def test_a_log_line_of_any_library_loses_both(caplog: pytest.LogCaptureFixture) -> None:
    redact_this_process()
    log = logging.getLogger("some.package")
    try:
        float(NAME)
    except ValueError as error:
        log.exception("postgresql://u:%s@db and %s", NAME.split()[1], FIELDS[3])
        log.error("cannot: %s", error)
    assert "kanari" not in caplog.text.lower()
    assert "cannot: ValueError: could not convert string to float: …" in caplog.text
    assert "Traceback (most recent call last)" in caplog.text
