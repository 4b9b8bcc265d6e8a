"""`lake.sql` in the data directory: the statements with which any DuckDB opens the lake and `ops`, for reading only.

The command line takes it with `-init`, a notebook or a tool executes its text (docs/sql.md). It loads the extensions of
the installed wheels and pins their DuckDB: a newer DuckLake may ask for another format of the catalog, and whoever lets
it rewrite the catalog locks the pipeline out. No password is in it, and no hidden column of the operations store.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import duckdb
from sqlalchemy import inspect, make_url
from sqlalchemy.exc import SQLAlchemyError

from order_pipeline.operations.locked import StoreBusyError, is_locked
from order_pipeline.operations.store import BUSY_TIMEOUT_SECONDS, OperationsStore
from order_pipeline.private_files import write_durably
from order_pipeline.redaction.secrets import without_password
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.catalog import Catalog
from order_pipeline.warehouse.lake.instance import Extension, extension_file
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.operations_attachment import STORE, view_statement, zoneless_times
from order_pipeline.warehouse.lake.snapshot_point import SnapshotPoint

NAME = "lake.sql"
_HEAD = """\
-- Opens the lake and the operations store (ops) for reading, in DuckDB {version}: docs/sql.md
-- Written by order-pipeline, and again as soon as it is no longer right. Do not edit.
"""
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
_PASSWORDS = "-- The passwords of PostgreSQL are not in here: give them in PGPASSWORD or ~/.pgpass.\n"
_KEYS = """\
-- The key of the object store is not in here: give it in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in ~/.aws, or as
-- the machine's role.
"""


def init_file(settings: Settings) -> Path:
    """Where the file lies."""
    return settings.data_dir.resolve() / NAME


def write_init_file(settings: Settings) -> bool:
    """Write the file if it is missing or not right; whether it was written.

    It waits for nothing and fails for nothing: who may only read the data directory, or finds the operations store
    locked or its server down, leaves it to the next one who opens the stores.
    """
    file = init_file(settings)
    try:
        text = init_text(settings)
        with suppress(FileNotFoundError):
            if file.read_text(encoding="utf-8") == text:
                return False
        write_durably(file, text.encode())
    except (PermissionError, StoreBusyError, SQLAlchemyError):
        return False
    return True


def init_text(settings: Settings, *, at: SnapshotPoint | None = None, spill: Path | None = None) -> str:
    """The statements, each on lines of its own.

    Args:
        settings: that name the stores.
        at: the lake as it was then.
        spill: where rows wait that memory has no room for; None: in the data directory.

    Raises:
        ExtensionNotInstalledError: the wheel of an extension is missing.
        StoreBusyError: the operations store's file is locked.
        SQLAlchemyError: the operations store's server does not answer.
    """
    catalog = Catalog.named_by(settings)
    url = settings.resolved_operations_url
    is_on_server = not (catalog.file and url.startswith("sqlite"))
    head = _HEAD.format(version=duckdb.__version__)
    head += (_PASSWORDS if is_on_server else "") + (_KEYS if catalog.files.is_s3 else "")
    return head + "".join(
        f"{statement};\n" for statement in _statements(replace(catalog, spill=spill or catalog.spill), url, at)
    )


def _statements(catalog: Catalog, url: str, at: SnapshotPoint | None) -> Iterator[str]:
    yield from _pins()
    operations = list(_operations(url))
    of_operations: Extension = "sqlite_scanner" if url.startswith("sqlite") else "postgres_scanner"
    needed = list(catalog.extensions)
    if catalog.files.is_s3:
        needed.append("aws")
    if operations:
        needed.append(of_operations)
    for name in dict.fromkeys(needed):
        yield f"LOAD {quoted(str(extension_file(name)))}"
    yield "SET GLOBAL TimeZone = 'UTC'"
    yield f"SET GLOBAL memory_limit = {quoted(catalog.limits.query_memory_limit)}"
    # Two instances that spill into one directory read each other's rows (warehouse/lake/spill_directory.py).
    yield f"SET GLOBAL temp_directory = {quoted(f'{catalog.spill}/')} || uuid()"
    if catalog.files.is_s3:
        yield catalog.files.chain_statement
    readable = replace(catalog, address=without_password(catalog.address))
    yield readable.attach_statement("READ_ONLY", *([] if at is None else [at.option]))
    yield from operations
    yield "USE lake"


def _pins() -> Iterator[str]:
    ours = f"v{duckdb.__version__}"
    refusal = (
        f"lake.sql is for DuckDB {ours}: another one may want another format of the catalog. "
        f"Use that version: pip install duckdb=={duckdb.__version__} duckdb-cli=={duckdb.__version__}"
    )
    yield f"SET VARIABLE pinned = CASE WHEN version() <> {quoted(ours)} THEN error({quoted(refusal)}) END"
    yield "SET GLOBAL autoinstall_known_extensions = false"
    yield "SET GLOBAL autoload_known_extensions = false"


def _operations(url: str) -> Iterator[str]:
    """What attaches the operations store, if it exists, and makes its views."""
    if url.startswith("sqlite"):
        file = Path(make_url(url).database or "")
        views = _views_of_file(file)
        address, options = str(file), f"TYPE sqlite, READ_ONLY, BUSY_TIMEOUT {int(BUSY_TIMEOUT_SECONDS * 1000)}"
    else:
        views = _views_of_server(url)
        address, options = f"postgresql://{without_password(url).partition('://')[2]}", "TYPE postgres, READ_ONLY"
    if not views:
        return
    yield f"ATTACH {quoted(address)} AS {STORE} ({options})"
    yield "ATTACH ':memory:' AS ops"
    yield from views


def _views_of_file(file: Path) -> list[str]:
    """The statements that make the views; none where there is no store."""
    if not file.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=0)) as store:
            times, found = zoneless_times(store), store.execute(_TABLES).fetchall()
    except sqlite3.OperationalError as error:
        if is_locked(error):
            raise StoreBusyError(str(file), 0, error) from error
        raise
    return [view_statement(name, f'main."{name}"', times.get(name, [])) for (name,) in found]


def _views_of_server(url: str) -> list[str]:
    with closing(OperationsStore(url)) as store, store.reading() as connection:
        found = inspect(connection)
        schema = found.default_schema_name
        return [view_statement(name, f'"{schema}"."{name}"', []) for name in sorted(found.get_table_names())]
