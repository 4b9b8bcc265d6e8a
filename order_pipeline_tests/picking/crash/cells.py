"""One cell of the crash matrix: an outcome at ScanOrders, a death at a boundary, a resumption, and the accounts.

The accounts compare three lists, line by line: what was to be picked, what the outbox says, what the fake accepted.
"""

from __future__ import annotations

import socket
import tempfile
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox.states import PickState
from order_pipeline.picking.sending.emission import BOUNDARIES
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline_tests.picking.crash.children import IN_FLIGHT, TIME_OUT_SECONDS, Ending, Job, run, store_of
from order_pipeline_tests.picking.picks import pick_row
from order_pipeline_tests.waiting import PATIENCE_SECONDS

NO_CRASH = "no crash"
START_UP = frozenset({"lease_taken", "before_recovery", "after_recovery", "before_plan", "after_plan"})
"""Boundaries before the first POST: they are tried after an earlier crash, so that there is something to recover."""

REFUSED_BODY = '{"statusCode":400,"body":{"status":"MISSING_DATA","message":"Missing parameter: parameter binloc"}}'
FAULTS: dict[str, dict[str, Any] | None] = {
    "accepted": None,
    "reply dropped": {"kind": "drop_after"},
    "dropped before": {"kind": "drop_before"},
    "refused": {"kind": "status", "status": 400, "body": REFUSED_BODY},
    "401": {"kind": "expire_token"},
    "429": {"kind": "status", "status": 429},
    "503": {"kind": "status", "status": 503},
    "500 before": {"kind": "status", "status": 500},
    "500 after": {"kind": "status_after", "status": 500},
    "half body": {"kind": "cut_body"},
    "broken JSON": {"kind": "truncated_json"},
    "timeout": {"kind": "stall_after", "seconds": 3600.0},  # in the end until the next cell lifts it
    "no connection": None,
}
OUTCOMES = tuple(FAULTS)
DOUBTFUL = frozenset(
    {"reply dropped", "dropped before", "503", "500 before", "500 after", "half body", "broken JSON", "timeout"}
)
"""Outcomes after which the line must be in doubt, crash or not."""

ROWS_OF = 3, 2
"""Three orders of two lines each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Which call goes wrong how, and where the process dies."""

    outcome: str
    boundary: str = NO_CRASH
    hit: int = 1
    spoiled_call: int = 2
    mutant: str | None = None

    def __str__(self) -> str:
        place = self.boundary if self.boundary == NO_CRASH else f"{self.boundary} #{self.hit}"
        return f"{self.outcome} / {place}{f' / {self.mutant}' if self.mutant else ''}"


@dataclass(slots=True)
class Accounts:
    """What a cell found. `wrong` is empty exactly if every promise held."""

    states: Counter[str] = field(default_factory=Counter[str])
    killed: int = 0
    lost: list[str] = field(default_factory=list[str])
    duplicated: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])


def all_cells(mutant: str | None = None) -> list[Cell]:
    """Every boundary with every outcome, dying at the first and at the second visit."""
    cells = [Cell(outcome=outcome, mutant=mutant) for outcome in OUTCOMES]
    for boundary in BOUNDARIES:
        for outcome in OUTCOMES:
            visits = (1,) if boundary in START_UP or boundary == "before_release" else (1, 2, 3)
            cells += [Cell(outcome=outcome, boundary=boundary, hit=hit, mutant=mutant) for hit in visits]
    return cells


def cell_rows(cell_number: int) -> list[dict[str, Any]]:
    """The lines of one cell; barcodes are unique across cells, so that a late effect is never another cell's."""
    orders, each = ROWS_OF
    return [
        pick_row(cell_number * 1000 + order * each + line, order=f"K{cell_number}-{order}", line=str(line + 1))
        for order in range(orders)
        for line in range(each)
    ]


@contextmanager
def closed_port() -> Generator[str]:
    """An address where nobody listens, and nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def examine(cell: Cell, sandbox: SandboxServer, number: int) -> Accounts:
    """Run a cell from an empty outbox to the accounts."""
    accounts = Accounts()
    rows = cell_rows(number)
    channel = sandbox.channels["scanorders"]
    sandbox.faults.reset()
    scripted = FAULTS[cell.outcome]
    if scripted is not None:
        sandbox.faults.add(Fault(api="scanorders", route="* /api/1.1/wf/neworders", nth=cell.spoiled_call, **scripted))
    with tempfile.TemporaryDirectory() as folder, closed_port() as nowhere:
        there = sandbox.channel_url("scanorders")

        def job(run_id: str, *, first: bool = False, **death: Any) -> Job:
            return Job(
                folder=folder,
                base_url=nowhere if first and cell.outcome == "no connection" else there,
                token=channel.issue_token(),  # type: ignore[attr-defined]
                rows=rows,
                run_id=run_id,
                time_out_seconds=TIME_OUT_SECONDS if cell.outcome == "timeout" else PATIENCE_SECONDS,
                mutant=cell.mutant,
                **death,
            )

        for place, death in enumerate(_deaths(cell)):
            ending = run(job(f"dies-{place}", first=place == 0, **death))
            accounts.killed += ending.killed
            _note_error(accounts, ending)
        for run_id in ("resumes", "resumes again"):  # at once: a dead holder's lease is free
            _note_error(accounts, run(job(run_id)))
        check_accounts(
            accounts,
            rows,
            job("accounts"),
            channel.ledger(),
            interrupted=IN_FLIGHT if accounts.killed else 0,
            unanswered=_unanswered_allowed(cell),
        )
    return accounts


def _deaths(cell: Cell) -> list[dict[str, Any]]:
    if cell.boundary == NO_CRASH:
        return [{}]
    if cell.boundary in START_UP:
        return [{"kill_at": "after_post", "hit": 2}, {"kill_at": cell.boundary}]
    return [{"kill_at": cell.boundary, "hit": cell.hit}]


def _unanswered_allowed(cell: Cell) -> int:
    """The line whose answer was spoiled; with a short time-out a busy machine is late with others, too, so any line."""
    if cell.outcome == "timeout":
        return ROWS_OF[0] * ROWS_OF[1]
    return int(cell.outcome in DOUBTFUL)


def _note_error(accounts: Accounts, ending: Ending) -> None:
    if ending.error is not None:
        accounts.wrong.append(f"the emitter failed: {ending.error}")


def check_accounts(
    accounts: Accounts,
    rows: Sequence[Mapping[str, Any]],
    job: Job,
    ledger: Mapping[str, Any],
    *,
    interrupted: int,
    unanswered: int = 0,
) -> None:
    """Compare what was to be picked, what the outbox says and what the fake accepted.

    `interrupted` and `unanswered` are how many lines may be in doubt at most, because their emitter ended, or because
    no definite answer came.
    """
    accepted = Counter(str(fulfilment["values"]["barcode"]) for fulfilment in ledger["fulfilments"])
    with store_of(job).reading() as connection:
        known = {line.pick_id: line for line in outbox.load_lines(connection)}
    for row in rows:
        pick_id, times = row["pick_id"], accepted[row["barcode"]]
        state = known[pick_id].state.value if pick_id in known else "missing"
        accounts.states[state] += 1
        if times > 1:
            accounts.duplicated.append(pick_id)
        if state in {"missing", "planned", "sending"}:
            accounts.lost.append(f"{pick_id} is {state} after the resumption")
        if state == "sent" and times != 1:
            accounts.lost.append(f"{pick_id} counts as sent, but was accepted {times} times")
        if state in {"held", "rejected", "planned"} and times:
            accounts.wrong.append(f"{pick_id} is {state}, but was accepted")
    reasons = Counter(line.reason for line in known.values() if line.state is PickState.IN_DOUBT)
    for reason, allowed in (("interrupted", interrupted), ("no_definite_answer", unanswered)):
        if reasons[reason] > allowed:
            accounts.wrong.append(f"{reasons[reason]} lines in doubt ({reason}), {allowed} can be explained")
    accounts.wrong += accounts.lost + [f"{pick_id} was accepted twice" for pick_id in accounts.duplicated]
