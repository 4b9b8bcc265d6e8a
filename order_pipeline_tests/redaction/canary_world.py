"""An installation with a canary in every secret setting and every text of an order, and the places where none may sing.

A canary is letters alone, so that no pattern finds it: only what knows the secrets, or cuts the values out, hides it.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel, SecretStr

from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import kibo_order

SIGN = "kanari"
"""Every canary has it in its name; a search looks for it without regard to case."""

KEPT = (
    *("ID", "Date", "State", "Status", "Type", "StateCode", "StateName", "Currency", "deliveryMethod", "sku"),
    *("partNumber", "fraudLock", "capabilities", "restrictions", "code", "active", "description"),
)
"""Keys, and ends of keys, whose texts the pipeline understands: an order without them would be another order."""

DATA = ("lake/", "catalog.", "operations.", "tmp/", "scanorders_token")
"""Files of the data directory that hold the data itself; what they hold of messages is asked for by column."""

MESSAGE_COLUMNS = {
    "ops": ("detail", "reply", "reason", "message", "next_step", "last_error", "answer", "holder"),
    "lake": ("value", "rule", "field", "note", "detail", "error", "reason", "key"),
}
"""Columns of both stores in which messages stand; the others hold the data (payloads, core's own columns)."""


def canary(name: str) -> str:
    """The canary of a setting or a field: `api_secret` -> `KanariApiSecret`."""
    return "Kanari" + "".join(part.capitalize() for part in name.replace("/", "_").split("_"))


def secret_settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every secret setting: (its variable, its canary), found by type, so that a new one is planted too."""
    for name, field in model.model_fields.items():
        variable = f"{prefix}{name}".upper()
        if "SecretStr" in str(field.annotation):
            yield variable, canary(f"of_the_{name}")
        is_table = get_origin(field.annotation) is dict
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from secret_settings(part, f"{variable}__NORTH__" if is_table else f"{variable}__")


def settings_with_canaries(data_dir: Path, **kibo: Any) -> Settings:
    """Settings whose every secret is a canary; Kibo alone is on."""
    planted: dict[str, Any] = {}
    for variable, value in secret_settings(Settings):
        *groups, name = variable.lower().split("__")
        place = planted
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = SecretStr(value)
    off = {name: planted.get(name, {}) | {"enabled": False} for name in ("scansource", "skroutz")}
    planted |= off | {"kibo": planted["kibo"] | {"floor": "north", "manufacturer_ids": ["77"], **kibo}}
    planted["floors"]["north"] |= {"client_id": "north", "access_token": SecretStr(canary("of_the_north"))}
    planted["alerts"]["webhook_url"] = SecretStr(f"http://127.0.0.1:1/{canary('of_the_webhook_url')}")
    return Settings(_env_file=None, data_dir=data_dir, **planted)  # pyright: ignore[reportCallIssue]


def order_with_canaries(number: int) -> dict[str, Any]:
    """An order whose every text is a canary of its own, but those that the pipeline has to understand."""
    return cast("dict[str, Any]", _planted(kibo_order(number), "order"))


def _planted(value: object, key: str) -> object:
    if isinstance(value, dict):
        return {name: _planted(each, name) for name, each in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_planted(each, key) for each in cast("list[object]", value)]
    return canary(key) if isinstance(value, str) and not key.endswith(KEPT) else value


def fields_with_canaries() -> list[str]:
    """The canaries of one order."""
    text = json.dumps(order_with_canaries(1))
    return sorted({part for part in text.split('"') if part.startswith("Kanari")})


@contextmanager
def logged_to(file: Path) -> Iterator[None]:
    """Everything that any library logs goes to a file, as in a service's log."""
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()


def found_in_files(directory: Path, names: str = "**/*") -> list[str]:
    """Where a canary stands in the bytes of files, each with what stands around it."""
    return [
        f"{file.relative_to(directory)}: {sung}"
        for file in sorted(directory.glob(names))
        if file.is_file() and (sung := found_in(file.read_bytes().decode("utf-8", "replace")))
    ]


def found_in(text: str) -> str:
    """What stands around the first canary of a text; "" where there is none."""
    place = text.lower().find(SIGN)
    return text[max(0, place - 80) : place + 60] if place >= 0 else ""


def found_in_data_directory(settings: Settings) -> list[str]:
    """The same for what lies beside the stores in the data directory: notes, alerts, item lists, marks."""
    found = found_in_files(settings.data_dir)
    return [each for each in found if not each.startswith((*DATA, "dagster_home/"))]


def found_in_operations(settings: Settings) -> list[str]:
    """Messages in the operations store, by table and column."""
    with closing(sqlite3.connect(settings.data_dir / "operations.sqlite")) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found: list[str] = []
        for table in tables:
            columns = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]
            for column in (each for each in columns if each in MESSAGE_COLUMNS["ops"]):
                values = store.execute(f"SELECT {column} FROM {table}").fetchall()
                found += [f"{table}.{column}: {sung}" for (value,) in values if (sung := found_in(str(value)))]
    return found


def found_in_lake(settings: Settings, schemas: Sequence[str] = ("quarantine", "raw")) -> list[str]:
    """Messages in the lake: rejects, warnings, reports of fetches, failed days, dead letters."""
    lake = Lake(settings)
    found: list[str] = []
    columns = lake.query(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake'"
    )
    for schema, table, column in columns.rows:
        if schema in schemas and column in MESSAGE_COLUMNS["lake"]:
            values = lake.query(f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM {schema}.{table}").rows
            found += [f"{schema}.{table}.{column}: {sung}" for (value,) in values if (sung := found_in(str(value)))]
    lake.close()
    return found
