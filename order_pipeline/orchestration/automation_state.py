"""What Dagster's store says of its automation: which schedules a person switched, and when the daemon was heard of.

Only reads: where no instance was made yet, none is made.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from order_pipeline.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance


@dataclass(frozen=True, slots=True)
class AutomationState:
    """Schedules and sensors that a person switched on or off, by name; and the newest sign of life of the daemon."""

    switched_on: list[str] = field(default_factory=list[str])
    switched_off: list[str] = field(default_factory=list[str])
    daemon_heard_at: datetime | None = None


def read_automation_state(settings: Settings) -> AutomationState:
    """Ask Dagster's store. An instance that does not exist knows nothing."""
    given = os.environ.get("DAGSTER_HOME")
    home = Path(given) if given else settings.data_dir.resolve() / "dagster_home"
    if not (home / "dagster.yaml").is_file():
        return AutomationState()
    import dagster as dg  # noqa: PLC0415 - it takes a second to import
    from dagster._core.scheduler.instigation import InstigatorStatus  # noqa: PLC0415

    from order_pipeline.orchestration.instance import tell_storage, without_url_syntax  # noqa: PLC0415

    tell_storage(settings)
    # Not `open_instance`: that one brings the configuration up to date, and this only reads.
    with dg.DagsterInstance.from_config(str(home if given else without_url_syntax(home))) as instance:
        states = instance.all_instigator_state()
        beats = [each.timestamp for each in instance.get_daemon_heartbeats().values()]
    return AutomationState(
        switched_on=sorted(each.instigator_name for each in states if each.status is InstigatorStatus.RUNNING),
        switched_off=sorted(each.instigator_name for each in states if each.status is InstigatorStatus.STOPPED),
        daemon_heard_at=datetime.fromtimestamp(max(beats), UTC) if beats else None,
    )


def daemons_heard_of(instance: DagsterInstance) -> dict[str, datetime | None]:
    """Each daemon that the instance needs, by its type, with its newest sign of life."""
    beats = instance.get_daemon_heartbeats()
    required = instance.get_required_daemon_types()
    return {name: datetime.fromtimestamp(beats[name].timestamp, UTC) if name in beats else None for name in required}
