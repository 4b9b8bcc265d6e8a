"""Files that were staged for a plan which another build overtook: do they still hold, so that nothing is staged again?

They do where the other build read the same raw rows and ran the same SQL: then it made the same rows of the days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.warehouse.core.chunk import ChunkResult
from order_pipeline.warehouse.core.plan import GroupPlan
from order_pipeline.warehouse.core.raw_rows import RawRows

APPEND_ONLY = frozenset(name for name, model in CORE_TABLES.items() if table_contract(model).append_only)


def still_valid(staged: Sequence[ChunkResult], plan: GroupPlan, newer: GroupPlan) -> list[ChunkResult] | None:
    """What was staged for `plan`, as results of the `newer` plan of the same days; None: it must be staged again.

    Files of append-only tables are left out for the days that the other build has built: it has added their rows.
    """
    overtaken = {day: build for day, build in newer.builds_seen.items() if plan.builds_seen.get(day) != build}
    if any(build.fingerprint != plan.fingerprint for build in overtaken.values()):
        return None
    if any(APPEND_ONLY & result.undecided.keys() for result in staged) or _raw(plan) != _raw(newer):
        return None
    return [
        replace(
            result,
            files=tuple(file for file in result.files if not (file.table in APPEND_ONLY and file.day in overtaken)),
        )
        for result in staged
    ]


def _raw(plan: GroupPlan) -> list[object]:
    """What the plan reads, so that it can be compared; all its chunks have the same."""
    return [_comparable(rows) for rows in plan.tasks[0].raw]


def _comparable(rows: RawRows) -> object:
    exceptions = sorted(map(repr, rows.exceptions.to_pylist()))
    return rows.table, sorted((file.path, file.deletes or "") for file in rows.files), exceptions
