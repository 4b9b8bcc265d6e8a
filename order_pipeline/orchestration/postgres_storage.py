"""Dagster's storage in PostgreSQL, which several machines share: runs, events, schedules.

`dagster-postgres` speaks through psycopg2, while SQLAlchemy 2.1 takes `postgresql://` for psycopg 3; so the driver is
named. And its tables are made one by one, without a transaction: of two processes that begin on a fresh database one
meets a table of the other (`DuplicateTable`). So whoever opens the storage does it alone, for the moment that takes.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Self

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import NullPool, create_engine, make_url, text

from order_pipeline.orchestration.redacted_errors import redact_dagster

_OPENING_LOCK_KEY = 7_315_202_602  # any constant but that of the operations store, which may be the same database


class SharedDagsterStorage(DagsterPostgresStorage):
    """Dagster's own storage, its tables made once. `instance.prepare_dagster_home` names it in `dagster.yaml`."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        redact_dagster()  # every process of Dagster opens its storage
        with _alone(url := by_psycopg2(postgres_url)):
            super().__init__(url, inst_data=inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Dagster's way to make it."""
        return cls(pg_url_from_config(config_value), inst_data)


def by_psycopg2(url: str) -> str:
    """The same address by the driver that dagster-postgres speaks through."""
    return make_url(url).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


@contextmanager
def _alone(url: str) -> Generator[None]:
    """Nobody else opens the storage meanwhile. A process that is killed gives the lock back with its connection."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _OPENING_LOCK_KEY})
        yield
