"""Leads an installation through the hours of a script, and kills its daemon where the script says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from order_pipeline.alerts.kinds import Kind
from order_pipeline.operations.incidents import open_incidents
from order_pipeline.operations.store import open_store
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.robustness.day.account import Account, account_of
from order_pipeline_tests.robustness.day.kills import ARMED_IN_PUBLISH, Kill
from order_pipeline_tests.robustness.day.script import Hour
from order_pipeline_tests.robustness.day.world import BEGINNING, World

STEP = timedelta(minutes=10)
STEPS_AN_HOUR = 6
STEPS_DEAD = 2
"""So long a killed daemon stays away: a timer looks once meanwhile, then a service manager starts it again."""
ENDED_BY_A_PERSON = frozenset({Kind.DOUBTS})
"""Incidents that stay open until somebody has looked at the floor."""


@dataclass(slots=True)
class HourReport:
    """What came of an hour: how many runs ended well and how many did not, where the daemon died, picks, alerts."""

    hour: Hour
    good: int = 0
    failed: int = 0
    killed: str = ""
    sent: int = 0
    alerts: int = 0
    runs: Counter[str] = field(default_factory=Counter[str])


def live_through(world: World, script: Sequence[Hour], *, quiet_hours: int = 2) -> Iterator[HourReport]:
    """Yields each hour when it is over; at the end come hours without faults, in the last of them the shops are closed.

    Kills that found no occasion in their hour are tried again in the next ones.
    """
    driver = Driver(world)
    world.daemon.start()
    waiting: list[Kill] = []
    for hour in script:
        if hour.kill:
            waiting.append(hour.kill)
        kill = waiting[0] if waiting else None
        report = driver.live(Hour(hour.number, hour.troubles, kill))
        if report.killed:
            waiting.pop(0)
        yield report
    for quiet in range(len(script), len(script) + quiet_hours):
        is_last = quiet == len(script) + quiet_hours - 1
        yield driver.live(Hour(quiet, kill=waiting.pop(0) if waiting else None, shops_closed=is_last))


class Driver:
    """Steps through hours; remembers what was counted before."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sent = 0
        self._alerts = 0
        self._steps_dead = 0

    def live(self, hour: Hour) -> HourReport:
        """One hour."""
        world, report = self._world, HourReport(hour)
        world.fakes.set_faults(hour.faults)
        for login in hour.logins:
            world.lose_login() if login == "lost" else world.log_in()
        is_to_die = self._armed(hour.kill)
        for step in range(STEPS_AN_HOUR):
            moment = BEGINNING + timedelta(hours=hour.number) + STEP * (step + 1)
            world.go_to(moment, shops_closed=hour.shops_closed)
            if step % 2 == 0 and not any(trouble.late for trouble in hour.troubles):
                world.deliver_webhooks(**hour.delivery)
            if world.daemon.is_running:
                self._step(report, is_to_die)
            else:
                self._wait_for_the_service_manager()
        self._disarm()
        accepted = world.fakes.ask("GET", "/ledger/scanorders")["accepted"]
        report.sent, self._sent = accepted - self._sent, accepted
        report.alerts, self._alerts = len(world.alerts.received) - self._alerts, len(world.alerts.received)
        return report

    def _step(self, report: HourReport, is_to_die: Callable[[], bool]) -> None:
        done = self._world.daemon.step(is_to_die if not report.killed else lambda: False)
        if done is None:
            assert report.hour.kill is not None
            report.killed = report.hour.kill.moment
            self._steps_dead = 0
            self._disarm()
            self._world.fakes.set_faults([fault for trouble in report.hour.troubles for fault in trouble.faults])
            return
        self._count(report, done["runs"])

    @staticmethod
    def _count(report: HourReport, runs: dict[str, int]) -> None:
        for name, count in runs.items():
            report.runs[name] += count
            report.good += count * name.endswith("SUCCESS")
            report.failed += count * name.endswith("FAILURE")

    def _wait_for_the_service_manager(self) -> None:
        self._steps_dead += 1
        if self._steps_dead < STEPS_DEAD:
            self._world.look_from_outside()
        else:
            self._world.daemon.start()

    def _armed(self, kill: Kill | None) -> Callable[[], bool]:
        world = self._world
        if kill is None:
            return lambda: False
        if kill.mark == "alert":
            world.alerts.is_armed, world.alerts.has_struck = True, False
            world.alerts.released.clear()
            return lambda: world.alerts.has_struck
        if kill.mark == "publish":
            armed = world.settings.data_dir / ARMED_IN_PUBLISH
            armed.touch()
            return lambda: not armed.exists()
        return world.fakes.is_stalled

    def _disarm(self) -> None:
        self._world.alerts.is_armed = False
        self._world.alerts.released.set()
        (self._world.settings.data_dir / ARMED_IN_PUBLISH).unlink(missing_ok=True)


def settle(world: World) -> Account:
    """The account, read after the last hour; the daemon is ended first, so that nothing moves any more."""
    world.daemon.kill()
    with open_store(world.settings.resolved_operations_url) as store:
        still_open = [shown(row) for row in open_incidents(store) if row["kind"] not in ENDED_BY_A_PERSON]
    with closing(Lake(world.settings)) as lake:
        return account_of(lake, world.fakes.orders(), world.fakes.sandbox.accepted_payloads(), still_open)


def shown(row: dict[str, Any]) -> str:
    """An incident for people."""
    return f"{row['kind']}, {row['subject']}: {row['message']}"
