"""What goes wrong in which hour: a seeded draw from a deck of troubles, so that each of them comes about twice a day.

A trouble is a list of the fakes' faults (`order_pipeline/sandbox/shared/faults.py`), or how webhooks are delivered, or
what happens to the floor's login.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from order_pipeline_tests.robustness.day.kills import KILLS, Fault, Kill

Login = Literal["lost", "renewed"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that goes wrong for an hour.

    `webhooks` are fields of the fake's `Delivery`; None: no trouble with them. `late` says that none comes this hour.
    """

    name: str
    faults: Sequence[Fault] = ()
    webhooks: dict[str, Any] = field(default_factory=dict[str, Any])
    late: bool = False
    login: Login | None = None


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the script."""

    number: int
    troubles: tuple[Trouble, ...] = ()
    kill: Kill | None = None
    shops_closed: bool = False
    """No order comes or changes: what was missed is made good, and nothing is under way when the hour ends."""

    @property
    def faults(self) -> list[Fault]:
        """The kill's stall first: of several faults that cover a call the first one hits."""
        own = [self.kill.stall] if self.kill and self.kill.stall else []
        return own + [fault for trouble in self.troubles for fault in trouble.faults]

    @property
    def delivery(self) -> dict[str, Any]:
        """How webhooks are delivered."""
        return {name: value for trouble in self.troubles for name, value in trouble.webhooks.items()}

    @property
    def logins(self) -> list[Login]:
        """What happens to the floor's login."""
        return [trouble.login for trouble in self.troubles if trouble.login]


def _of_route(api: str, route: str, short: str) -> list[Trouble]:
    """What can go wrong with any API that is read."""
    there = {"api": api, "route": route}
    refused, busy = {"kind": "status", "status": 500}, {"kind": "status", "status": 503}
    too_many = {"kind": "status", "status": 429, "retry_after": "1"}
    scripts: dict[str, list[Fault]] = {
        "429, Retry-After": [{**too_many, "every": 3}],
        "burst of 500 and 503": [{**busy, "times": 2}, {**refused, "times": 4}],
        "connections cut": [
            {"kind": "drop_before", "every": 4, "times": 4},
            {"kind": "cut_body", "every": 3, "times": 4},
        ],
        "JSON cut short": [{"kind": "truncated_json", "every": 2, "times": 5}],
        "slower than the timeout": [{"kind": "stall", "seconds": 4.0, "nth": [2, 5]}],
        "down": [busy],
    }
    return [Trouble(f"{short} {name}", [{**there, **fault} for fault in faults]) for name, faults in scripts.items()]


KIBO, SCANSOURCE, SKROUTZ = (
    ("kibo", "GET /api/v2/order*"),
    ("scansource", "GET /scsc/*"),
    ("skroutz", "GET /merchants/*"),
)
SENDING = {"api": "scanorders", "route": "* /api/1.1/wf/neworders"}

DECK = (
    *_of_route(*KIBO, "kibo"),
    *_of_route(*SCANSOURCE, "scansource"),
    *_of_route(*SKROUTZ, "skroutz"),
    Trouble("kibo token expired", [{"api": "kibo", "route": "GET *", "kind": "expire_token", "nth": [2, 6]}]),
    Trouble(
        "scansource token expired", [{"api": "scansource", "route": "GET /scsc/*", "kind": "expire_token", "nth": 3}]
    ),
    Trouble("kibo page ends early", [{"api": "kibo", "route": KIBO[1], "kind": "wrong_total", "shift": 3, "times": 6}]),
    Trouble("kibo page repeated", [{"api": "kibo", "route": KIBO[1], "kind": "duplicate_page", "every": 2}]),
    Trouble("webhooks twice, unordered", webhooks={"shuffle": True, "duplicate_rate": 0.5, "bare_rate": 0.2}),
    Trouble("webhooks cut short at first", webhooks={"invalid_rate": 0.5, "shuffle": True}),
    Trouble("webhooks late", late=True),
    Trouble("floor: replies lost", [{**SENDING, "kind": "drop_after", "every": 7, "times": 3}]),
    Trouble("floor: accepted, says 500", [{**SENDING, "kind": "status_after", "status": 500, "every": 9, "times": 2}]),
    Trouble(
        "floor: 429 and 503",
        [
            {**SENDING, "kind": "status", "status": 429, "retry_after": "1", "every": 5},
            {**SENDING, "kind": "status", "status": 503, "retry_after": "1", "every": 6, "times": 4},
        ],
    ),
    Trouble("floor: connections refused", [{**SENDING, "kind": "drop_before", "every": 6, "times": 3}]),
)

LOGIN_LOST = Trouble("floor: login lost", login="lost")
LOGIN_RENEWED = Trouble("a person logs in again", login="renewed")
HOURS_WITHOUT_LOGIN = 3
OUTAGE = Trouble("scansource down for hours", [{"api": "scansource", "kind": "status", "status": 503}])
HOURS_OF_OUTAGE = 6
"""Longer than a source may stay unread without an alert."""


def script_of(hours: int, seed: int) -> list[Hour]:
    """The hours, each with two troubles of the deck; the floor's login is lost once, and a channel once for long.

    Args:
        hours: how many; in each fifth of them the daemon is killed once, as far as there are enough.
        seed: of the whole script.
    """
    draw = random.Random(f"a day:{seed}")
    deck: list[Trouble] = []
    while len(deck) < 2 * hours:
        deck += draw.sample(DECK, len(DECK))
    lost_at = draw.randrange(hours // 3, max(hours // 2, hours // 3 + 1))
    down_from = draw.randrange(hours // 2, max(hours - HOURS_OF_OUTAGE, hours // 2 + 1))
    with_login = [n for n in range(1, hours) if not lost_at <= n < lost_at + HOURS_WITHOUT_LOGIN]
    killed_at = _kills(draw, with_login)
    return [
        Hour(
            number,
            (
                *_logins(number, lost_at),
                *([OUTAGE] if down_from <= number < down_from + HOURS_OF_OUTAGE else []),
                *deck[2 * number : 2 * number + 2],
            ),
            killed_at.get(number),
        )
        for number in range(hours)
    ]


def _kills(draw: random.Random, hours: Sequence[int]) -> dict[int, Kill]:
    """One kill in each fifth of these hours."""
    fifths = [hours[len(hours) * n // len(KILLS) : len(hours) * (n + 1) // len(KILLS)] for n in range(len(KILLS))]
    return {
        draw.choice(fifth): kill for fifth, kill in zip(fifths, draw.sample(KILLS, len(KILLS)), strict=True) if fifth
    }


def _logins(number: int, lost_at: int) -> list[Trouble]:
    steps = {lost_at: LOGIN_LOST, lost_at + HOURS_WITHOUT_LOGIN: LOGIN_RENEWED}
    return [steps[number]] if number in steps else []
