"""The emitters that are compared, the ScanOrders fake that they send to, and what became of each line."""

from __future__ import annotations

import importlib.util
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.emission_steps import IN_FLIGHT, barcode, pick_id

_IN_DOUBT = "SELECT pick_id FROM pick_outbox WHERE state IN ('in_doubt', 'sending')"


@dataclass(frozen=True, slots=True)
class Emitter:
    """One emitter: its name in the table, its step of `benchmarks.emission_steps`, and what it keeps."""

    name: str
    step: str
    gives: str


OURS = Emitter(f"ours, {IN_FLIGHT} calls at a time", "ours", "a durable intent and answer a line, events, a lease")
OURS_ONE_CALL = Emitter("ours, one call at a time", "ours_one_call", "the same")
DRT = Emitter("drt", "drt", "nothing: it sends what the table holds")
DRT_LEDGER = Emitter("drt, with its ledger", "drt_ledger", "the key of each line, stored after its batch of 100")


def available(*emitters: Emitter) -> list[Emitter]:
    """Those that are installed; `make bench` installs drt."""
    has_drt = importlib.util.find_spec("drt") is not None
    return [emitter for emitter in emitters if has_drt or not emitter.step.startswith("drt")]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the lines.

    Attributes:
        accepted: lines that ScanOrders has at least once.
        twice: further creates of lines that it has already.
        lost: lines that it does not have, and of which no person is told.
        in_doubt: lines that a person is asked to look at.
    """

    accepted: int = 0
    twice: int = 0
    lost: int = 0
    in_doubt: int = 0


class ScanOrdersFake:
    """The fake in its process, and what it accepted since the last reset."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = str(httpx.post(f"{url}/control/scanorders/token").raise_for_status().json()["access_token"])

    def reset(self) -> None:
        """Empty the ledger; nothing goes wrong from now on."""
        httpx.post(f"{self.url}/control/reset/scanorders").raise_for_status()
        self.lose_replies(0)

    def lose_replies(self, share: float) -> None:
        """From now on so many replies are lost, after their effect."""
        httpx.delete(f"{self.url}/control/faults").raise_for_status()
        if share:
            fault = {"api": "scanorders", "kind": "drop_after", "rate": share}
            httpx.post(f"{self.url}/control/faults", json=[fault]).raise_for_status()

    def accepted(self) -> Counter[str]:
        """How often each barcode was accepted."""
        ledger = httpx.get(f"{self.url}/control/ledger/scanorders", timeout=120).raise_for_status().json()
        return Counter(fulfilment["values"]["barcode"] for fulfilment in ledger["fulfilments"])

    def command(self, emitter: Emitter, directory: str, lines: int, new_database: Callable[[], str]) -> list[str]:
        """Arguments of Python that send so many lines; the ledger of drt gets a database of its own."""
        command = ["-m", "benchmarks.emission_steps", emitter.step, "--url", self.url, "--token", self.token]
        command += ["--directory", directory, "--lines", str(lines)]
        return [*command, "--postgres", new_database()] if emitter is DRT_LEDGER else command


def lines_in_doubt(directory: Path) -> set[str]:
    """Keys of the lines that our emitter shows to a person; empty where another one worked."""
    file = directory / "operations.sqlite"
    if not file.exists():
        return set()
    with closing(sqlite3.connect(file)) as connection:
        return {key for (key,) in connection.execute(_IN_DOUBT)}


def outcome(accepted: Counter[str], in_doubt: set[str], lines: int) -> Outcome:
    """The accounts of all lines."""
    missing = [number for number in range(lines) if barcode(number) not in accepted]
    return Outcome(
        accepted=len(accepted),
        twice=accepted.total() - len(accepted),
        lost=sum(pick_id(number) not in in_doubt for number in missing),
        in_doubt=len(in_doubt),
    )
