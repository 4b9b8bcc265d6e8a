"""Cells that need more than one emitter, or a moving order: rivals, a sleeper, a death in mid-request, a change."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable
from typing import Any

from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline_tests.picking.crash.cells import Accounts, cell_rows, check_accounts
from order_pipeline_tests.picking.crash.children import IN_FLIGHT, Child, Job, run
from order_pipeline_tests.waiting import wait_until

UNTIL_LIFTED = 3600.0


def job_in(folder: str, sandbox: SandboxServer, number: int, mutant: str | None, **more: Any) -> Job:
    """A job against the fake, from the rows of a cell."""
    channel = sandbox.channels["scanorders"]
    fixed: dict[str, Any] = {
        "folder": folder,
        "base_url": sandbox.channel_url("scanorders"),
        "token": channel.issue_token(),  # type: ignore[attr-defined]
        "rows": cell_rows(number),
        "mutant": mutant,
    }
    return Job(**(fixed | more))


def hold_up_the_first(sandbox: SandboxServer) -> None:
    """The first creates take effect and are not answered until the faults are lifted: their sender is at work."""
    sandbox.faults.reset()
    first = list(range(1, IN_FLIGHT + 1))
    sandbox.faults.add(Fault(api="scanorders", kind="stall_after", seconds=UNTIL_LIFTED, nth=first))


def wait_for_effect(sandbox: SandboxServer, before: int) -> None:
    """Until the fake has accepted all creates that it holds up, besides the `before` earlier ones."""
    wait_until(lambda: accepted(sandbox) >= before + IN_FLIGHT)


def accepted(sandbox: SandboxServer) -> int:
    """How many creates the fake has accepted in all."""
    return int(sandbox.channels["scanorders"].ledger()["accepted"])


def rivals_at_once(sandbox: SandboxServer, number: int, mutant: str | None = None) -> Accounts:
    """A second emitter starts while the first is at work: it is refused, and the first is not disturbed.

    The first is frozen meanwhile, with requests out, so that it is at work however long the second takes to start.
    """
    accounts = Accounts()
    hold_up_the_first(sandbox)
    with tempfile.TemporaryDirectory() as folder:
        before = accepted(sandbox)
        first = Child(job_in(folder, sandbox, number, mutant, run_id="first"))
        wait_for_effect(sandbox, before)
        os.kill(first.process_id, signal.SIGSTOP)
        second = run(job_in(folder, sandbox, number, mutant, run_id="second"))
        os.kill(first.process_id, signal.SIGCONT)
        sandbox.faults.reset()
        ending = first.ending()
        if second.error != "LeaseHeldError":
            accounts.wrong.append(f"the second emitter was not refused ({second.error or 'it went ahead'})")
        if ending.error is not None:
            accounts.wrong.append(f"the first emitter was disturbed: {ending.error}")
        _close(accounts, folder, sandbox, number, interrupted=0)
    return accounts


def sleeper_replaced(sandbox: SandboxServer, number: int, mutant: str | None = None) -> Accounts:
    """An emitter is frozen past its lease while a request is out, replaced, and wakes up again.

    What it had out is in doubt until its late answers prove otherwise; it must send nothing more.
    """
    accounts = Accounts()
    hold_up_the_first(sandbox)
    with tempfile.TemporaryDirectory() as folder:
        before = accepted(sandbox)
        sleeper = Child(job_in(folder, sandbox, number, mutant, run_id="sleeper"))
        wait_for_effect(sandbox, before)
        os.kill(sleeper.process_id, signal.SIGSTOP)
        successor = run(job_in(folder, sandbox, number, mutant, run_id="successor", hours_later=1))
        os.kill(sleeper.process_id, signal.SIGCONT)
        sandbox.faults.reset()
        ending = sleeper.ending()
        if successor.error or ending.error:
            accounts.wrong.append(f"an emitter failed: {successor.error or ending.error}")
        elif "taken over" not in (ending.report or {})["stopped"]:
            accounts.wrong.append("the sleeper did not notice that it was replaced")
        _close(accounts, folder, sandbox, number, interrupted=IN_FLIGHT)
    return accounts


def killed_in_mid_request(sandbox: SandboxServer, number: int, mutant: str | None = None) -> Accounts:
    """Killed from outside while a request is out that has already taken effect; the next one need not wait."""
    accounts = Accounts()
    hold_up_the_first(sandbox)
    with tempfile.TemporaryDirectory() as folder:
        before = accepted(sandbox)
        victim = Child(job_in(folder, sandbox, number, mutant, run_id="victim"))
        wait_for_effect(sandbox, before)
        victim.kill()
        accounts.killed += victim.ending().killed
        resumed = run(job_in(folder, sandbox, number, mutant, run_id="resumes"))
        if resumed.error:
            accounts.wrong.append(f"the resumption failed: {resumed.error}")
        _close(accounts, folder, sandbox, number, interrupted=IN_FLIGHT)
    return accounts


def order_changed_afterwards(sandbox: SandboxServer, number: int, mutant: str | None = None) -> Accounts:
    """Quantities change after everything was sent: tasks, no second create."""
    accounts = Accounts()
    sandbox.faults.reset()
    with tempfile.TemporaryDirectory() as folder:
        run(job_in(folder, sandbox, number, mutant, run_id="before"))
        changed = [row | {"quantity": 7} for row in cell_rows(number)]
        run(job_in(folder, sandbox, number, mutant, run_id="after", rows=changed))
        _close(accounts, folder, sandbox, number, interrupted=0)
        if set(accounts.states) != {"changed_after_send"}:
            accounts.wrong.append(f"the changes were not noticed: {dict(accounts.states)}")
    return accounts


def _close(accounts: Accounts, folder: str, sandbox: SandboxServer, number: int, *, interrupted: int) -> None:
    channel = sandbox.channels["scanorders"]
    job = job_in(folder, sandbox, number, None, run_id="accounts")
    check_accounts(accounts, job.rows, job, channel.ledger(), interrupted=interrupted)


SPECIAL_CELLS: dict[str, Callable[[SandboxServer, int, str | None], Accounts]] = {
    "two emitters at once": rivals_at_once,
    "frozen past its lease": sleeper_replaced,
    "killed in mid-request": killed_in_mid_request,
    "changed afterwards": order_changed_afterwards,
}
