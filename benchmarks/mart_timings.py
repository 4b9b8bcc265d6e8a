"""What each mart costs on a lake that is there: whole, for one order, for one day; and the whole report.

    python -m benchmarks.mart_timings DIR                every mart, as a Markdown table
    python -m benchmarks.mart_timings DIR backlog --plan also how often each table of the lake is scanned

Processor seconds of all threads and wall seconds stand side by side: on a shared machine the first tells more. Every
row of a mart is computed, none is shown. The day is the newest day that has orders, less three; the order is the middle
one of that day. A mart without such a column has no figure there. Each statement is planned anew, in a transaction of
its own, as an analyst's is.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from order_pipeline.report.figures import read_report
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Connection, Lake

MARTS = """
SELECT view_name, list(column_name) AS columns
FROM duckdb_views() INNER JOIN duckdb_columns() USING (database_name, schema_name)
WHERE database_name = 'lake' AND schema_name = 'marts' AND table_name = view_name
GROUP BY view_name ORDER BY view_name
"""
CHOSEN = """
SELECT order_day, quantile_disc(order_id, 0.5)
FROM core.orders
WHERE order_day = (SELECT max(order_day) - 3 FROM core.orders)
GROUP BY order_day
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a statement cost, and how many rows it had."""

    processor: float
    wall: float
    rows: int = 0

    def __str__(self) -> str:
        return f"{self.processor:.2f} / {self.wall:.2f}"


def timings(lake: Lake, names: Sequence[str], *, shows_plan: bool) -> Iterator[str]:
    """The lines of the table, as they are measured."""
    with closing(lake.connect()) as connection:
        marts: dict[str, list[str]] = dict(connection.execute(MARTS).fetchall())
        day, order = connection.execute(CHOSEN).fetchone() or (None, None)
        facts = connection.execute(
            "SELECT (SELECT count(*) FROM core.orders), (SELECT count(*) FROM ducklake_list_files('lake', 'orders',"
            " schema => 'core'))"
        ).fetchone()
    assert facts
    yield f"{facts[0]:,} orders in {facts[1]:,} files, load {os.getloadavg()[0]:.0f}; order {order}, day {day}"
    yield ""
    yield "| mart | rows | whole, processor / wall s | one order | one day |"
    yield "|---|---:|---:|---:|---:|"
    for name, columns in marts.items():
        if (names and name not in names) or (not names and name.startswith("check__")):
            continue
        whole = spent_on(lake, name)
        of_order = spent_on(lake, name, "order_id = ?", order) if "order_id" in columns else None
        of_day = spent_on(lake, name, "order_day = ?", day) if "order_day" in columns else None
        yield f"| {name} | {whole.rows:,} | {whole} | {of_order or ''} | {of_day or ''} |"
        if shows_plan:
            with closing(lake.connect()) as connection:
                yield f"  scans: {scans(connection, name)}"
    if not names:
        yield f"| order-pipeline report | | {spent_on_report(lake)} | | |"


def spent_on(lake: Lake, mart: str, condition: str = "true", *values: Any) -> Spent:
    """Compute every column of every row of the mart for which the condition is true."""
    sql = f"SELECT count(*), sum(hash(mart)) FROM (SELECT * FROM marts.{mart} WHERE {condition}) AS mart"
    with closing(lake.connect()) as connection:
        wall, processor = time.perf_counter(), time.process_time()
        found = connection.execute(sql, values).fetchone()
        return Spent(time.process_time() - processor, time.perf_counter() - wall, found[0] if found else 0)


def spent_on_report(lake: Lake) -> Spent:
    """Ask all figures of the report."""
    with lake.snapshot() as connection:
        wall, processor = time.perf_counter(), time.process_time()
        read_report(connection, datetime.now(UTC))
        return Spent(time.process_time() - processor, time.perf_counter() - wall)


def scans(connection: Connection, mart: str) -> dict[str, int]:
    """How often the plan of the mart scans each table."""
    (_, plan), *_ = connection.execute(f"EXPLAIN (FORMAT json) SELECT * FROM marts.{mart}").fetchall()
    found = Counter[str]()
    waiting: list[dict[str, Any]] = json.loads(plan)
    while waiting:
        node = waiting.pop()
        waiting += node.get("children", [])
        if node["name"].strip() == "DUCKLAKE_SCAN":
            found[node["extra_info"]["Table"]] += 1
    return dict(sorted(found.items()))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", metavar="DIR", type=Path, help="a data directory (see benchmarks.large_lake)")
    parser.add_argument("marts", nargs="*", help="which; none: all but the soft checks, and the report")
    parser.add_argument("--plan", action="store_true", help="also tell how often each table is scanned")
    given = parser.parse_args()
    lake = Lake(Settings(data_dir=given.directory.resolve(), witness_dir="none"))
    for line in timings(lake, given.marts, shows_plan=given.plan):
        print(line, flush=True)
    lake.close()


if __name__ == "__main__":
    main()
