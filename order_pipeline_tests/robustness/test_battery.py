"""The battery: whatever records hold and calls answer, the good ones arrive, no mutant is lost, no run fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from order_pipeline_tests.robustness.battery import Fate, battery_of, run_battery
from order_pipeline_tests.robustness.byte_servers import KiboBytes
from order_pipeline_tests.samples import sampled
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

CHANNELS = ("kibo", "skroutz", "scansource")


def holds(fate: Fate) -> bool:
    """Every good order is in core, none of them in quarantine, and every mutant somewhere."""
    assert not fate.good_missing
    assert not fate.good_rejected
    assert not fate.unaccounted
    return True


@pytest.mark.costly
@pytest.mark.parametrize("channel", sampled(CHANNELS, 1))
def test_thirty_mutants_among_a_hundred_spoil_nothing(channel: str, tmp_path: Path) -> None:
    assert holds(run_battery(battery_of(channel, good=100, mutants=30), settings_in(tmp_path)))


@pytest.mark.costly
def test_a_good_order_or_a_mutant_that_never_came_is_noticed(tmp_path: Path) -> None:
    battery = battery_of("kibo", good=2, mutants=2)
    assert isinstance(battery.api, KiboBytes)
    battery.api.orders = {"2000001": battery.api.orders["2000001"]}
    fate = run_battery(battery, settings_in(tmp_path))
    assert fate.good_missing == [2000002]
    assert len(fate.unaccounted) == 2


@pytest.mark.slow
@pytest.mark.parametrize("channel", CHANNELS)
def test_three_hundred_mutants_among_two_thousand_spoil_nothing(channel: str, tmp_path: Path) -> None:
    fate = run_battery(battery_of(channel, good=2_000, mutants=300), settings_in(tmp_path))
    print(channel, dict(fate.counts), dict(fate.rules))
    assert holds(fate)
