"""How a simulated day is shown: the table of hours, the account and the log of alerts, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

from order_pipeline_tests.robustness.day.account import Account
from order_pipeline_tests.robustness.day.driving import HourReport

WIDTH = 80
HEADING = f"{'hour':<5}{'what goes wrong':<53}{'runs':>4}{'bad':>5}{'sent':>6}{'alerts':>7}"


def hour_lines(report: HourReport) -> Iterator[str]:
    """The lines of one hour: a trouble a line, the figures in the first."""
    what = [trouble.name for trouble in report.hour.troubles]
    if report.killed:
        what.append(f"KILLED {report.killed}")
    first, *further = what or ["nothing"]
    figures = f"{report.good + report.failed:>4}{report.failed:>5}{report.sent:>6}{report.alerts:>7}"
    yield f"{report.hour.number:02d}   {first:<53}{figures}"
    yield from (f"     {each}" for each in further)


def account_lines(account: Account) -> Iterator[str]:
    """The account by channel and by state of the lines, and what is wrong with it."""
    yield f"{'channel':<14}{'at the channel':>16}{'in core':>12}{'in quarantine':>16}{'nowhere':>10}"
    for name, channel in account.channels.items():
        figures = (len(channel.at_channel), len(channel.in_core), len(channel.in_quarantine), len(channel.missing))
        yield "{:<14}{:>16}{:>12}{:>16}{:>10}".format(name, *figures)
    yield ""
    yield f"{'pick lines':<60}{len(account.picks):>8}"
    for state, count in sorted(account.states.items()):
        yield f"  {state:<58}{count:>8}"
    yield f"{'accepted by the floor, by its own ledger':<60}{len(account.accepted):>8}"
    yield f"{'of these sent twice':<60}{len(account.sent_twice):>8}"
    yield ""
    wrong = account.wrong()
    yield f"{len(wrong)} things do not add up" if wrong else "Everything adds up."
    for each in wrong:
        yield from textwrap.wrap(each, WIDTH, initial_indent="  ", subsequent_indent="    ")


def alert_lines(received: Sequence[tuple[datetime, str]]) -> Iterator[str]:
    """The messages in order, each with the time at which it came."""
    for moment, text in received:
        first, *further = text.splitlines()
        yield from textwrap.wrap(f"{moment:%d %H:%M} {first}", WIDTH, subsequent_indent=" " * 9)
        for line in further:
            yield from textwrap.wrap(line, WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 11)
