"""The version of the lake: the number of its last schema, in `core.lake_versions` with one row an upgrade.

The lake's changes follow from what is declared (`migrations`), so the number serves one purpose: a program that is
older than the lake knows that it is.
"""

from __future__ import annotations

from order_pipeline.operations.versions import StoreVersionError
from order_pipeline.warehouse.lake.connection import Connection

TABLE = "core.lake_versions"
TABLE_DDL = f"CREATE TABLE IF NOT EXISTS {TABLE} (version BIGINT NOT NULL, upgraded_at TIMESTAMPTZ NOT NULL)"

SCHEMAS = ("243a8597087d", "230b9a352cf0", "0767741d5e98", "aac55ff95e42", "0bfb4331721e")
"""A fingerprint of the declared tables, one a version, oldest first. When a column or table is new, a test gives the
line to add here; two branches that each added one leave both lines, or one if they are merged before a release."""

LAKE_VERSION = len(SCHEMAS)


def read_version(connection: Connection, tables: set[str]) -> int | None:
    """The lake's version: None before it is made, 0 for a lake of before versions.

    Args:
        connection: to the lake.
        tables: the names of its tables.

    Raises:
        StoreVersionError: a newer program wrote it.
    """
    if TABLE not in tables:
        return 0 if tables else None
    row = connection.execute(f"SELECT max(version) FROM {TABLE}").fetchone()
    version = int(row[0]) if row and row[0] is not None else 0
    if version > LAKE_VERSION:
        raise StoreVersionError(
            f"The lake has version {version}, and this program knows {LAKE_VERSION}: a newer version of the project "
            "wrote it. Nothing was changed.",
            "Run the newer version of the project again; or restore a backup of before the upgrade: "
            "order-pipeline restore DIR --replace",
        )
    return version


def write_version(connection: Connection) -> None:
    """Say that the lake has this program's version now; part of the transaction that made it so."""
    connection.execute(f"INSERT INTO {TABLE} VALUES (?, now())", [LAKE_VERSION])
