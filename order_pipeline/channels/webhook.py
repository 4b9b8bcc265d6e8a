"""How a channel pushes its events: what the receiver needs to know of them before it stores their bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime


class NotJsonError(ValueError):
    """The bytes are not JSON. The text gives the position and shows none of the bytes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a document cannot be keyed: rule, field and value of docs/apis/common_schema.md section 13."""

    rule: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Peek:
    """What a document says about itself; None where it does not say it, or not readably.

    Attributes:
        order_number: the channel's own number of the order.
        order_day: the UTC day of the order's own time.
        event_time: when the event happened; a document that was read has none.
        state: the channel's own text.
        problem: why the document cannot be keyed; None if it can.
    """

    order_number: str | None
    order_day: date | None
    event_time: datetime | None
    state: str | None
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Webhook:
    """The webhook of a channel.

    Attributes:
        peek: reads the few fields; raises NotJsonError.
        reading: the name of the channel's reading that lands the inbox.
        sender: who posts, for people: `the Skroutz Smart Cart`.
        networks: the sender's published addresses, as CIDRs.
    """

    peek: Callable[[bytes], Peek]
    reading: str
    sender: str
    networks: tuple[str, ...] = ()
