"""What a mart's page in the UI shows of its rows: counts, which Dagster plots over the runs, and a masked sample.

Counting reads the whole history: after a year a minute of processor time. So runs that a schedule or a sensor started
do it once an hour and else show the last figures; one that a person started always counts.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import duckdb
from dagster._core.storage.tags import SCHEDULE_NAME_TAG, SENSOR_NAME_TAG

from order_pipeline.orchestration.mart_figures import DIVIDED_BY, MOST_DAYS, MartFigures, read_marts
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.warehouse.lake.catalog import LakeError
from order_pipeline.warehouse.lake.memory import MemoryLimitError

BETWEEN_COUNTS = timedelta(hours=1)
COUNTED_AT = "counted at"
ROWS = "dagster/row_count"
ROWS_OF_NEWEST = f"rows of the last {MOST_DAYS} order days"
SAMPLE = "sample (*** is hidden)"
WIDEST_SAMPLE = 6
"""Columns that fit the page. A row of more stands upright, as a column of the table."""
WIDTH_OF_BAR = 16

Metadata = Mapping[str, Any]
EMPTY: Metadata = {}


def mart_metadata(
    context: dg.AssetExecutionContext, pipeline: PipelineResource, marts: Mapping[dg.AssetKey, str], now: datetime
) -> dict[dg.AssetKey, Metadata]:
    """The metadata of each mart that is deployed, counted now or by an earlier run.

    Args:
        context: of the step.
        pipeline: with the lake.
        marts: the assets that are one SQL model each, with its name.
        now: the time, aware.
    """
    if not marts:
        return {}
    last = _last_metadata(context.instance, marts)
    if not _is_due(context.run, last, now):
        return last
    try:
        found = read_marts(pipeline.lake, pipeline.project, list(marts.values()))
    # The picks must not wait for a page; an error's text repeats values.
    except (duckdb.Error, LakeError, MemoryLimitError) as error:
        context.log.warning("the marts could not be counted: %s", type(error).__name__)
        return last
    return {key: described(name, found[name], now) for key, name in marts.items() if name in found}


def described(name: str, figures: MartFigures, now: datetime) -> Metadata:
    """The metadata of one mart."""
    column = DIVIDED_BY.get(name)
    return {
        ROWS if figures.since is None else ROWS_OF_NEWEST: figures.rows,
        **{f"{column}: {value}": rows for value, rows in figures.parts.items()},
        **_orders(figures.by_day),
        **({SAMPLE: _sample(figures)} if figures.sample else {}),
        COUNTED_AT: dg.MetadataValue.timestamp(now),
    }


def _is_due(run: dg.DagsterRun, last: Mapping[dg.AssetKey, Metadata], now: datetime) -> bool:
    """Whether a person started the run, or the figures are old."""
    if not {SCHEDULE_NAME_TAG, SENSOR_NAME_TAG} & run.tags.keys():
        return True
    counted = [datetime.fromtimestamp(figures[COUNTED_AT].value, UTC) for figures in last.values()]
    return not counted or now - min(counted) >= BETWEEN_COUNTS


def _last_metadata(instance: dg.DagsterInstance, keys: Collection[dg.AssetKey]) -> dict[dg.AssetKey, Metadata]:
    """What the last materialisations said of rows; assets whose last one did not count them are left out."""
    found: dict[dg.AssetKey, Metadata] = {}
    for record in instance.get_asset_records(list(keys)):
        last = record.asset_entry.last_materialization
        metadata: Metadata = last.asset_materialization.metadata if last and last.asset_materialization else EMPTY
        if COUNTED_AT in metadata:
            names = list(metadata)
            first = names.index(ROWS if ROWS in names else ROWS_OF_NEWEST)
            kept = names[first : names.index(COUNTED_AT) + 1]
            found[record.asset_entry.asset_key] = {name: metadata[name] for name in kept}
    return found


def _orders(by_day: Mapping[date, Mapping[str, int]]) -> dict[str, Any]:
    """Orders of the last days: a number to be plotted, and a table with a bar for each day."""
    if not by_day:
        return {}
    totals = {day: sum(channels.values()) for day, channels in by_day.items()}
    names = sorted({name for channels in by_day.values() for name in channels})
    most = max(totals.values())
    rows = [
        (day, *(by_day[day].get(name, 0) for name in names), total, "█" * round(WIDTH_OF_BAR * total / most))
        for day, total in sorted(totals.items(), reverse=True)
    ]
    return {
        f"orders of the last {MOST_DAYS} days": sum(totals.values()),
        "orders by day": _table(["day", *names, "all", "bar"], rows),
    }


def _sample(figures: MartFigures) -> dg.TableMetadataValue:
    if len(figures.columns) <= WIDEST_SAMPLE:
        return _table(figures.columns, figures.sample)
    rows = zip(figures.columns, *figures.sample, strict=True)
    return _table(["column", *(f"row {number}" for number in range(1, len(figures.sample) + 1))], list(rows))


def _table(columns: Collection[str], rows: Collection[Collection[Any]]) -> dg.TableMetadataValue:
    schema = dg.TableSchema(columns=[dg.TableColumn(name) for name in columns])
    records = [dg.TableRecord(dict(zip(columns, map(_cell, row), strict=True))) for row in rows]
    return dg.MetadataValue.table(records, schema)


def _cell(value: Any) -> str | int | bool:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    return value if isinstance(value, int) else str(value)
