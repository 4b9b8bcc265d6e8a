"""Certificates: what is proved of windows and days, for alerts, `status`, `trace` and the checks in Dagster.

The SQL models `marts.window_certificates`, `marts.day_certificates` and `marts.reading_bounds` are the one truth. They
are run from their files, over the reports that are in view: so they answer before anything is deployed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import duckdb

from order_pipeline.warehouse.lake.bookkeeping import all_rows
from order_pipeline.warehouse.lake.connection import Connection
from order_pipeline.warehouse.raw.fetch_states import fetch_rows, in_view
from order_pipeline.warehouse.sql.project import SqlProject

# A report of a clock that stood ahead is later than any. Of windows, old reports are history; of days, the only ones.
_REPORTS = f"(SELECT * FROM {all_rows('raw.fetches')} WHERE fetched_at <= $latest)"
_REPORTS_IN_VIEW = f"(SELECT * FROM {all_rows('raw.fetches')} WHERE fetched_at > $oldest AND fetched_at <= $latest)"

_UNPROVED = """
SELECT source, count(DISTINCT (resource, window_start, window_end)), list(DISTINCT resource ORDER BY resource),
    CAST(min(window_start) AT TIME ZONE 'UTC' AS DATE), CAST(max(window_end) AT TIME ZONE 'UTC' AS DATE),
    min(unproved_since), arg_max(run_id, fetched_at)
FROM ({certificates})
WHERE unproved_since <= $before
GROUP BY source
ORDER BY source
"""

_UNPROVED_OF_RUN = """
SELECT resource, window_start, window_end, coalesce(why, '')
FROM ({certificates})
WHERE source = $source AND run_id = $run_id AND NOT is_proved
ORDER BY ALL
"""

_DAYS = """
SELECT source, account, kind, order_day, state, as_of, coalesce(why, '')
FROM ({certificates})
ORDER BY source, kind, account, order_day
"""

_BOUNDS = "SELECT source, account, read_again, surprises, missed_share_at_most FROM ({certificates}) ORDER BY ALL"

ORDERS = "order"
CERTIFIED, IN_PROGRESS, NO_LIST = "certified", "in progress", "no list"
NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True)
class UnprovedWindows:
    """Windows of a source that no later run proved complete; the days are the first and the last of all of them."""

    source: str
    count: int
    resources: list[str]
    first_day: date
    end_day: date
    since: datetime
    run_id: str

    @property
    def last_day(self) -> date:
        """The last day, included."""
        return max(self.first_day, self.end_day - timedelta(days=1))


@dataclass(frozen=True, slots=True)
class UnprovedWindow:
    """One window that one run asked for in vain, and why."""

    resource: str
    start: datetime
    end: datetime
    why: str


@dataclass(frozen=True, slots=True)
class DayCertificate:
    """One day of an account's records: its state, as of when it was read, and what is missing.

    See `marts.day_certificates`. `kind` is `order` or another kind of record that is listed by its day.
    """

    source: str
    account: str
    kind: str
    day: date
    state: str
    as_of: datetime | None
    why: str

    @property
    def is_wanting(self) -> bool:
        """Whether a run over the day would help."""
        return self.state not in {CERTIFIED, IN_PROGRESS, NO_LIST, NOT_RECORDED}


@dataclass(frozen=True, slots=True)
class ReadingBound:
    """What reading again says of an account's proofs; see `marts.reading_bounds`."""

    source: str
    account: str
    read_again: int
    surprises: int
    missed_share_at_most: float

    def in_words(self) -> str:
        """For a sentence: how many were read again, and the bound that follows."""
        found = "none was" if not self.surprises else f"{self.surprises:,} were"
        than = "was proved" if self.account else "webhooks had told"
        return (
            f"of {self.read_again:,} records read again {found} otherwise than {than}: "
            f"at most {100 * self.missed_share_at_most:.2g} % are missed (95 %)"
        )


def read_unproved_windows(connection: Connection, now: datetime, *, before: datetime) -> list[UnprovedWindows]:
    """By source, the windows that are not proved since before that time; the view says what heals one."""
    values = in_view(now) | {"before": before}
    sql = _UNPROVED.format(certificates=_model("window_certificates", _REPORTS_IN_VIEW))
    return [UnprovedWindows(*row) for row in _fetch(connection, sql, values)]


def read_unproved_of_run(connection: Connection, now: datetime, source: str, run_id: str) -> list[UnprovedWindow]:
    """The windows that a run asked for last and did not prove."""
    values = in_view(now) | {"source": source, "run_id": run_id}
    sql = _UNPROVED_OF_RUN.format(certificates=_model("window_certificates", _REPORTS_IN_VIEW))
    return [UnprovedWindow(*row) for row in _fetch(connection, sql, values)]


def read_day_certificates(connection: Connection, now: datetime) -> list[DayCertificate]:
    """The certificates of all days, by source, account and day."""
    sql = _DAYS.format(certificates=_model("day_certificates", _REPORTS))
    return [DayCertificate(*row) for row in _fetch(connection, sql, {"latest": in_view(now)["latest"]})]


def read_bounds(connection: Connection, now: datetime) -> list[ReadingBound]:
    """What reading again says of each account's proofs."""
    sql = _BOUNDS.format(certificates=_model("reading_bounds", _REPORTS))
    return [ReadingBound(*row) for row in _fetch(connection, sql, {"latest": in_view(now)["latest"]})]


def of_order_days(certificates: Iterable[DayCertificate], source: str) -> dict[date, DayCertificate]:
    """By day of a source's orders, the certificate of the account that wants most."""
    worst: dict[date, DayCertificate] = {}
    for each in certificates:
        if each.source == source and each.kind == ORDERS:
            worst[each.day] = max(worst.get(each.day, each), each, key=_want)
    return worst


def _want(certificate: DayCertificate) -> tuple[bool, bool]:
    return certificate.is_wanting, certificate.state != CERTIFIED


def _fetch(connection: Connection, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows; none in a lake of before certificates, until a run upgrades it."""
    try:
        return fetch_rows(connection, sql, values)
    except duckdb.BinderException:
        return []


@cache
def _model(name: str, reports: str) -> str:
    """The model's SELECT over some reports, with the models that it reads in place."""
    project = _project()
    inner = {each: f"({_model(each, reports)})" for each in project.graph[name].refs}
    small = {("raw", "fetches"): reports, ("core", "builds"): all_rows("core.builds")}
    return project.render(name, ref=inner, source=small).sql


@cache
def _project() -> SqlProject:
    """These models read no variable of the settings."""
    return SqlProject()
