"""What planning costs by outbox size: processor time and peak memory, for 10,000 and 1,000,000 settled lines.

A line is settled when planning can do nothing with it any more: its goods left more than a month ago, it left the list
unsent, or a person took it off the floor. Beside the settled lines each outbox has the same work: 2,000 lines whose
goods left last week, 200 on the floor and on the list of picks, 100 that are new. Nothing is sent (a dry run).
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measuring import measure, median_of, table
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.settings import Settings

SIZES = (10_000, 1_000_000)
RECENT, ON_THE_LIST, NEW = 2_000, 200, 100
RUNS = 3
_SHARES = {"left": 0.97, "held": 0.02, "withdrawn": 0.01}
"""Of the settled lines: whose goods left, that left the list unsent, and that a person took off the floor."""

_LINES = """
WITH RECURSIVE numbers (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :first + :count - 1)
INSERT INTO pick_outbox (pick_id, source, account, order_id, order_number, line_id, state, reason, wave, position,
    payload, payload_sha256, attempt, run_id, snapshot_id, fence, http_status, fulfilment_id, upstream_status,
    planned_at, sent_at, updated_at)
SELECT printf('kibo:acme:%08d:1', n), 'kibo', 'acme', printf('kibo:acme:%08d', n), printf('%08d', n), '1', :state,
    :reason, n / 500 + 1, n % 500,
    printf('{"barcode":"52%010d","binloc":"A-01-%02d","customername":"Ada Lovelace","orderdate":"01/03/2026",'
        || '"ordernumber":"%08d","productname":"Brass kettle with a long name, 1.7 l","qtytopick":2}', n, n % 99, n),
    lower(hex(randomblob(32))), 1, lower(hex(randomblob(16))), n / 500, 1, 200, printf('%d', 7000000 + n), :upstream,
    :at, :at, datetime(:at, printf('+%d seconds', n % 86400)) || '.000000'
FROM numbers
"""
_EVENTS = """
INSERT INTO pick_events (pick_id, at, from_state, to_state, actor, run_id, attempt, snapshot_id, payload_sha256, fence)
SELECT pick_id, planned_at, :before, :after, :actor, run_id, 1, snapshot_id, payload_sha256, 1 FROM pick_outbox
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help="settled lines, one or more")
    parser.add_argument("--keep", type=Path, help="keep the stores in this directory, and use those that are there")
    parser.add_argument("--plan", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plan:
        print(json.dumps(plan(arguments.plan)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        runs: list[Any] = []
        for size in arguments.sizes:
            directory = (arguments.keep or Path(temporary)) / str(size)
            fill(directory, size)
            step = ["-m", "benchmarks.planning_by_outbox", "--plan", str(directory)]
            runs.append(median_of([measure(f"{size:,} settled lines", step) for _ in range(RUNS)]))
        print(table(runs, runs[0]))


def fill(directory: Path, settled: int) -> None:
    """An operations store with so many settled lines, three events each, and the lines that are still at work."""
    file = directory / "operations.sqlite"
    if file.exists():
        return
    with closing(OperationsStore(f"sqlite:///{file}")) as store:
        store.create_all()
    today = datetime.now(UTC)
    long_ago, last_week = today.replace(year=today.year - 1), today.timestamp() - 7 * 86_400
    with closing(sqlite3.connect(file)) as connection, connection:
        counts = {name: int(settled * share) for name, share in _SHARES.items()}
        _add(connection, counts["left"], "sent", upstream="shipped", at=long_ago)
        _add(connection, counts["held"], "held", "no_longer_to_be_picked", "cancelled", at=long_ago)
        _add(connection, counts["withdrawn"], "cancelled_after_send", "withdrawn", "cancelled", at=long_ago)
        _add(connection, RECENT, "sent", upstream="shipped", at=datetime.fromtimestamp(last_week, UTC))
        _add(connection, ON_THE_LIST, "sent", at=datetime.fromtimestamp(last_week, UTC))
        for before, after, actor in ((None, "planned", "planner"), ("planned", "sending", "emitter")):
            connection.execute(_EVENTS, {"before": before, "after": after, "actor": actor})
        connection.execute(_EVENTS, {"before": "sending", "after": "sent", "actor": "emitter"})


def _add(
    connection: sqlite3.Connection,
    count: int,
    state: str,
    reason: str | None = None,
    upstream: str | None = None,
    *,
    at: datetime,
) -> None:
    first = connection.execute("SELECT count(*) + 1 FROM pick_outbox").fetchone()[0]
    moment = at.strftime("%Y-%m-%d %H:%M:%S.000000")
    values = {"first": first, "count": count, "state": state, "reason": reason, "upstream": upstream, "at": moment}
    connection.execute(_LINES, values)


def plan(directory: Path) -> dict[str, Any]:
    """One emission that sends nothing: what it plans from is found in the outbox, planned and stored."""
    from order_pipeline.picking.sending.emission import emit

    settings = Settings(_env_file=None, data_dir=directory)  # pyright: ignore[reportCallIssue]
    with closing(OperationsStore(settings.resolved_operations_url)) as store:
        peak_before, started, at = _peak(), time.process_time(), time.perf_counter()
        report = emit(settings, store, lambda: _read(store), run_id="benchmark")
        seconds = time.perf_counter() - at
    return {
        "seconds": round(time.process_time() - started, 3),
        "elapsed": round(seconds, 3),
        "added MB": round(_peak() - peak_before),
        "new": report.new_lines,
        "lines": sum(report.by_state.values()),
    }


def _read(store: OperationsStore) -> PickList:
    """What the lake would give: the lines that are on the floor and still wanted, and new ones."""
    from order_pipeline.picking.planning.upstream import UpstreamStatus
    from order_pipeline.picking.sending.read_pick_list import lines_to_follow
    from order_pipeline_tests.picking.picks import pick_row

    followed = lines_to_follow(store)
    now = datetime.now(UTC)
    wanted = [line for line in followed if line.upstream_status is None]
    left = [line for line in followed if line.upstream_status and (now - line.updated_at).days < 30]
    new = int(time.time())
    rows = [pick_row(n, order=f"{new}{n:04d}") for n in range(NEW)]
    rows += [
        pick_row(n, order=line.order_number, order_id=line.order_id, pick_id=line.pick_id)
        for n, line in enumerate(wanted)
    ]
    upstream = [UpstreamStatus(pick_id=line.pick_id, order_status="shipped") for line in left]
    return PickList(rows=rows, upstream=upstream, followed=frozenset(line.pick_id for line in [*wanted, *left]))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
