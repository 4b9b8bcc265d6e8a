"""Days of core that other SQL or other contracts built than today's: still readable, due to be built again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from order_pipeline.warehouse.core.staging_models import build_sql
from order_pipeline.warehouse.lake.bookkeeping import all_rows
from order_pipeline.warehouse.lake.connection import Lake, relations
from order_pipeline.warehouse.sql.project import SqlProject

_BUILT_BY_OTHERS = f"""
SELECT order_day FROM {all_rows("core.builds")}
WHERE source = ? AND fingerprint IS DISTINCT FROM ?
ORDER BY order_day DESC
"""


def outdated_days(lake: Lake, project: SqlProject, sources: Iterable[str]) -> dict[str, list[date]]:
    """Channel -> its days that another version of the project built, newest first; channels without such are left out.

    Raises:
        LakeError: the lake does not open.
    """
    fingerprints = {source: build_sql(project, source).fingerprint for source in sources}
    with lake.snapshot() as connection:
        if "core.builds" not in relations(connection):
            return {}
        found = {
            source: [day for (day,) in connection.execute(_BUILT_BY_OTHERS, [source, fingerprint]).fetchall()]
            for source, fingerprint in fingerprints.items()
        }
    return {source: days for source, days in found.items() if days}
