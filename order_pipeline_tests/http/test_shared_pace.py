"""Two processes ask one API: together they keep its rate, and neither waits for all that the other wants."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from order_pipeline.http import shared_pace
from order_pipeline.http.budget import RateBudget
from order_pipeline.http.settings import RateSettings
from order_pipeline.http.shared_pace import SharedPace
from order_pipeline.settings import Settings


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(shared_pace, "time", made)
    return made


def test_two_who_name_the_same_file_keep_one_rate(tmp_path: Path, clock: Clock) -> None:
    one, other = (SharedPace(tmp_path / "pace", 2.0) for _ in range(2))
    assert [pace.reserve() for pace in (one, other, one, other)] == [0.0, 0.5, 1.0, 1.5]
    clock.now += 60
    assert other.reserve() == 0.0


@pytest.mark.parametrize("content", [b"", b"damaged", b"\xff" * 8], ids=["empty", "short", "not a number"])
def test_a_damaged_file_stops_nobody(tmp_path: Path, clock: Clock, content: bytes) -> None:
    (tmp_path / "pace").write_bytes(content)
    pace = SharedPace(tmp_path / "pace", 1.0)
    assert [pace.reserve(), pace.reserve()] == [0.0, 1.0]


def test_a_clock_that_was_set_back_stops_nobody(tmp_path: Path, clock: Clock) -> None:
    pace = SharedPace(tmp_path / "pace", 1.0)
    pace.reserve()
    clock.now -= 3_600
    assert [pace.reserve(), pace.reserve()] == [0.0, 1.0]


@pytest.mark.anyio
async def test_one_request_gets_its_turn_between_many_of_another_process(tmp_path: Path, clock: Clock) -> None:
    waits: dict[str, list[float]] = {"many": [], "one": []}

    def budget(name: str) -> RateBudget:
        async def sleep(seconds: float) -> None:
            waits[name].append(clock.now + seconds)
            await asyncio.sleep(0)

        return RateBudget(RateSettings(requests_per_second=1.0, pace_file=tmp_path / "pace"), sleep)

    async def ask(asked: RateBudget) -> None:
        async with asked.slot():
            pass

    many, one = budget("many"), budget("one")
    await asyncio.gather(*(ask(many) for _ in range(5)), ask(one))
    moments = sorted(waits["many"] + waits["one"])
    assert moments == [1_000.0 + second for second in range(6)]
    assert waits["one"] < [1_005.0]


def test_a_channels_rate_is_kept_by_all_processes_of_a_data_directory(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    paces = {name: settings.of_channel(name).rate.pace_file for name in ("kibo", "scansource", "skroutz")}
    assert {path.parent for path in paces.values()} == {tmp_path.resolve()}
    assert len(set(paces.values())) == 3
