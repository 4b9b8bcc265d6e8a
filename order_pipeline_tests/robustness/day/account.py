"""The account of a day: what the fakes had, what became of it here, and everything that does not add up, by name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from order_pipeline.picking.outbox.states import ON_THE_FLOOR, PERHAPS_ON_THE_FLOOR
from order_pipeline.warehouse.lake.connection import Lake

SETTLED = ON_THE_FLOOR | {"in_doubt"}
WITH_A_REASON = frozenset({"held", "rejected"})


@dataclass(frozen=True, slots=True)
class ChannelAccount:
    """One channel: numbers of orders at the fake, in core, and in quarantine."""

    at_channel: frozenset[str]
    in_core: frozenset[str]
    in_quarantine: frozenset[str]

    @property
    def missing(self) -> list[str]:
        """Orders that are nowhere."""
        return sorted(self.at_channel - self.in_core - self.in_quarantine)


@dataclass(frozen=True, slots=True)
class Pick:
    """One line of the outbox."""

    pick_id: str
    state: str
    reason: str | None
    payload: str


@dataclass(frozen=True, slots=True)
class Account:
    """Everything at the end of the day. `accepted` is from the floor's own ledger: the payload of each pick it took."""

    channels: Mapping[str, ChannelAccount]
    wanted: Collection[str]
    picks: Collection[Pick]
    accepted: Collection[str]
    open_incidents: Collection[str] = field(default=())

    @property
    def states(self) -> Counter[str]:
        """How many lines are in which state; held ones by reason."""
        return Counter(f"held: {pick.reason}" if pick.state == "held" else pick.state for pick in self.picks)

    @property
    def sent_twice(self) -> list[str]:
        """Payloads that the floor took more often than the outbox has lines that may have brought them."""
        brought = Counter(pick.payload for pick in self.picks if pick.state in ON_THE_FLOOR | PERHAPS_ON_THE_FLOOR)
        return sorted((Counter(self.accepted) - brought).elements())

    @property
    def sent_in_vain(self) -> list[str]:
        """Lines that count as sent and that the floor does not have."""
        certain = Counter(pick.payload for pick in self.picks if pick.state in ON_THE_FLOOR)
        return sorted((certain - Counter(self.accepted)).elements())

    def wrong(self) -> list[str]:
        """All that does not add up, a sentence each; nothing: the day was good."""
        lost = [(name, order) for name, channel in self.channels.items() for order in channel.missing]
        unknown = sorted(set(self.wanted) - {pick.pick_id for pick in self.picks})
        unsettled = [pick for pick in self.picks if not _is_settled(pick)]
        silent = [pick for pick in self.picks if pick.state in WITH_A_REASON and not pick.reason]
        return [
            *(f"{name}: order {order} is neither in core nor in quarantine" for name, order in lost),
            *(f"{pick_id} is to be picked and the outbox does not know it" for pick_id in unknown),
            *(f"{pick.pick_id} is still `{pick.state}`" for pick in unsettled),
            *(f"{pick.pick_id} is `{pick.state}` without a reason" for pick in silent),
            *(f"sent twice: {payload}" for payload in self.sent_twice),
            *(f"counts as sent and is not on the floor: {payload}" for payload in self.sent_in_vain),
            *(f"still open: {incident}" for incident in self.open_incidents),
        ]


def _is_settled(pick: Pick) -> bool:
    return pick.state in SETTLED | WITH_A_REASON


def same_text(payload: Any) -> str:
    """One spelling of a payload, whoever wrote it."""
    return json.dumps(json.loads(payload) if isinstance(payload, str) else payload, sort_keys=True)


def account_of(
    lake: Lake,
    orders: Mapping[str, Iterable[str]],
    accepted: Iterable[Mapping[str, Any]],
    open_incidents: Collection[str],
) -> Account:
    """Read the account.

    Args:
        lake: of the installation.
        orders: by channel, the numbers of all orders that its fake has.
        accepted: the parameters of all picks that the fake of the floor accepted.
        open_incidents: those that nobody but a person could end do not belong here.
    """

    def ids(sql: str) -> dict[str, frozenset[str]]:
        rows = lake.query(sql).rows
        return {name: frozenset(order for source, order in rows if source == name) for name in orders}

    core = ids("SELECT source, order_number FROM core.orders")
    rejected = ids(
        "SELECT source, split_part(order_id, ':', -1) FROM quarantine.rejects"  # source:account:number
        " WHERE resolved_at IS NULL AND order_id IS NOT NULL"
    )
    picks = lake.query("SELECT pick_id, state, reason, payload FROM ops.pick_outbox").rows
    return Account(
        channels={name: ChannelAccount(frozenset(known), core[name], rejected[name]) for name, known in orders.items()},
        wanted=[row[0] for row in lake.query("SELECT pick_id FROM marts.pick_lines").rows],
        picks=[Pick(pick_id, state, reason, same_text(payload)) for pick_id, state, reason, payload in picks],
        accepted=[same_text(payload) for payload in accepted],
        open_incidents=open_incidents,
    )
