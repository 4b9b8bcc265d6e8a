"""A day of 24 simulated hours: faults in every source, the daemon killed five times, and an account that adds up.

`python -m order_pipeline_tests.robustness.day_with_faults` shows the same day as a table.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from order_pipeline_tests.robustness.day.account import Account, ChannelAccount, Pick
from order_pipeline_tests.robustness.day.clock import why_not_here
from order_pipeline_tests.robustness.day.driving import live_through, settle
from order_pipeline_tests.robustness.day.kills import KILLS
from order_pipeline_tests.robustness.day.report import HEADING, account_lines, alert_lines, hour_lines
from order_pipeline_tests.robustness.day.script import DECK, script_of
from order_pipeline_tests.robustness.day.world import world_in

HOURS, ORDERS, SEED = 24, 240, 7
LONGEST_SECONDS = 6000  # beside a whole test run on two cores it took 3,247

GOOD = Account(
    channels={"kibo": ChannelAccount(frozenset({"1", "2", "3"}), frozenset({"1", "2"}), frozenset({"3"}))},
    wanted=["p1", "p2", "p3"],
    picks=[
        Pick("p1", "sent", None, '{"line": 1}'),
        Pick("p2", "held", "no_barcode", '{"line": 2}'),
        Pick("p3", "in_doubt", "no answer", '{"line": 3}'),
    ],
    accepted=['{"line": 1}', '{"line": 3}'],
)


def test_an_account_that_adds_up_has_nothing_to_say():
    assert GOOD.wrong() == []
    assert replace(GOOD, accepted=['{"line": 1}']).wrong() == [], "a line in doubt may be on the floor or not"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"channels": {"kibo": ChannelAccount(frozenset({"1", "2"}), frozenset({"1"}), frozenset())}},
            "kibo: order 2 is neither in core nor in quarantine",
        ),
        ({"wanted": ["p1", "p4"]}, "p4 is to be picked and the outbox does not know it"),
        ({"accepted": ['{"line": 1}', '{"line": 1}', '{"line": 3}']}, 'sent twice: {"line": 1}'),
        ({"accepted": ['{"line": 1}', '{"line": 2}']}, 'sent twice: {"line": 2}'),
        ({"accepted": ['{"line": 3}']}, 'counts as sent and is not on the floor: {"line": 1}'),
        ({"picks": [*GOOD.picks, Pick("p5", "planned", None, "{}")]}, "p5 is still `planned`"),
        ({"picks": [*GOOD.picks, Pick("p5", "held", None, "{}")]}, "p5 is `held` without a reason"),
        ({"open_incidents": ["run_failed, kibo_job"]}, "still open: run_failed, kibo_job"),
    ],
)
def test_what_does_not_add_up_is_named(changed, said):
    assert replace(GOOD, **changed).wrong() == [said]


def test_a_day_has_each_trouble_and_each_kill():
    script = script_of(HOURS, SEED)
    assert {trouble.name for hour in script for trouble in hour.troubles} >= {trouble.name for trouble in DECK}
    assert sorted(hour.kill.moment for hour in script if hour.kill) == sorted(kill.moment for kill in KILLS)
    assert script == script_of(HOURS, SEED)


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_SECONDS)
@pytest.mark.skipif(why_not_here() is not None, reason=f"{why_not_here()}")
def test_a_day_of_faults_and_kills_loses_nothing_and_sends_nothing_twice(tmp_path: Path):
    with world_in(tmp_path, orders=ORDERS, seed=SEED) as world:
        print(HEADING)
        reports = []
        for report in live_through(world, script_of(HOURS, SEED)):
            reports.append(report)
            print(*hour_lines(report), sep="\n")
        account = settle(world)
        print(*account_lines(account), *alert_lines(world.alerts.received), sep="\n")
    assert sorted(report.killed for report in reports if report.killed) == sorted(kill.moment for kill in KILLS)
    assert account.wrong() == []
    assert all(channel.at_channel for channel in account.channels.values())
    assert account.states["sent"] > 0
