"""The check that tells which days core still owes: those left to later runs, and those whose build failed.

It does not block: the days that were built are good, and their picks go out.
"""

import dagster as dg

from order_pipeline.warehouse.core.result import CoreResult

OWED_CHECK = "no_day_owed"
MOST_SHOWN = 10


def owed_days_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check of a channel's core."""
    return dg.AssetCheckSpec(OWED_CHECK, asset=asset, description="Core is as new as raw on every day of the channel.")


def owed_days_check(asset: dg.AssetKey, result: CoreResult) -> dg.AssetCheckResult:
    """A day that failed is an error, and so an incident; days that wait for their slice are a warning."""
    failed = {day.isoformat(): reason for day, reason in sorted(result.failed_days.items())}
    left = result.left_days
    return dg.AssetCheckResult(
        check_name=OWED_CHECK,
        asset_key=asset,
        passed=not failed and not left,
        severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
        description=_told(failed, len(left)),
        metadata={
            "days that failed": dg.MetadataValue.json(dict(list(failed.items())[:MOST_SHOWN])),
            "days left to later runs": len(left),
            "from": left[0].isoformat() if left else "none",
            "to": left[-1].isoformat() if left else "none",
        },
    )


def _told(failed: dict[str, str], left: int) -> str:
    said: list[str] = []
    if failed:
        said.append(
            f"{len(failed)} days could not be built ({', '.join(list(failed)[:MOST_SHOWN])}); all others were. Each run"
            " tries them again, last. Mend what the metadata says."
        )
    if left:
        said.append(f"{left} days wait: each run builds ORDER_PIPELINE_SCHEDULE__SLICE_DAYS of them, the newest first.")
    return " ".join(said) or "Core is as new as raw."
