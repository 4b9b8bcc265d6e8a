"""Sends webhooks as Skroutz does (docs/apis/skroutz.md section 7): at most four tries, only 200 ends them, unsigned.

A `Delivery` says how well or badly due events are delivered; the ledger keeps what became of each. The twenty minutes
in which Skroutz tries are shortened to `retry_seconds` between tries.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from order_pipeline.sandbox.skroutz.life import Event
from order_pipeline.sandbox.skroutz.orders import FILES

MOST_TRIES = 4
HEADERS = {"content-type": "application/json; charset=utf-8", "user-agent": "Skroutz OrderNotifier v1"}


class Delivery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One round of sending: where to, how fast, and what goes wrong (shares between 0 and 1).

    `duplicate_rate`: sent again though 200 was answered. `drop_rate`: never sent, as when all tries failed long ago.
    `bare_rate`: only `{"order": ...}`. `invalid_rate`: the first try is cut-off JSON, the next ones are whole.
    `broken_rate`: every try is the same invalid JSON. `shuffle`: no order at all.
    """

    url: str
    most: int | None = None
    at_once: int = 16
    retry_seconds: float = 0.05
    timeout_seconds: float = 5.0
    shuffle: bool = False
    duplicate_rate: float = 0.0
    drop_rate: float = 0.0
    bare_rate: float = 0.0
    invalid_rate: float = 0.0
    broken_rate: float = 0.0


@dataclass(slots=True)
class SenderLedger:
    """What became of the events of all rounds so far."""

    delivered: int = 0
    given_up: int = 0
    dropped: int = 0
    broken: int = 0
    requests: int = 0
    answers: Counter[str] = field(default_factory=Counter[str])

    def describe(self) -> dict[str, Any]:
        """All counts, as JSON."""
        counts = {name: getattr(self, name) for name in ("delivered", "given_up", "dropped", "broken", "requests")}
        return {**counts, "answers": dict(self.answers)}


@dataclass(frozen=True, slots=True)
class Round:
    """One round: how to send, where the counts go, and the fake's own address, for the file URLs inside the bodies."""

    delivery: Delivery
    ledger: SenderLedger
    address: str
    seed: int

    async def send(self, events: list[Event]) -> None:
        """Send the events, `at_once` side by side; returns when each was delivered, dropped or given up."""
        queue = [(event, random.Random(f"{self.seed}:{event.code}:{place}")) for place, event in enumerate(events)]  # noqa: S311
        queue += [(event, draw) for event, draw in queue if draw.random() < self.delivery.duplicate_rate]
        if self.delivery.shuffle:
            random.Random(self.seed).shuffle(queue)  # noqa: S311
        waiting = iter(queue)

        async def worker(client: httpx.AsyncClient) -> None:
            for event, draw in waiting:
                await self._deliver(client, event, draw)

        seconds = self.delivery.timeout_seconds
        async with httpx.AsyncClient(
            headers=HEADERS, timeout=seconds, follow_redirects=True, trust_env=False
        ) as client:
            await asyncio.gather(*(worker(client) for _ in range(self.delivery.at_once)))

    async def _deliver(self, client: httpx.AsyncClient, event: Event, draw: random.Random) -> None:
        if draw.random() < self.delivery.drop_rate:
            self.ledger.dropped += 1
            return
        first, later = self._bodies(event, draw)
        for attempt in range(MOST_TRIES):
            if attempt:
                await asyncio.sleep(self.delivery.retry_seconds)
            self.ledger.requests += 1
            answer = await _post(client, self.delivery.url, later if attempt else first)
            self.ledger.answers[answer] += 1
            if answer == "200":
                self.ledger.delivered += 1
                return
        self.ledger.given_up += 1

    def _bodies(self, event: Event, draw: random.Random) -> tuple[bytes, bytes]:
        """The bodies of the first try and of the later ones: the same bytes, unless the delivery spoils them."""
        body = event.body.replace(FILES.encode(), self.address.encode())
        if draw.random() < self.delivery.bare_rate:
            body = msgspec.json.encode({"order": msgspec.json.decode(body, type=dict[str, msgspec.Raw])["order"]})
        if draw.random() < self.delivery.broken_rate:
            self.ledger.broken += 1
            body = body.replace(b",", b" ", 1)
        first = body[:-2] if draw.random() < self.delivery.invalid_rate else body
        return first, body


async def _post(client: httpx.AsyncClient, url: str, body: bytes) -> str:
    try:
        return str((await client.post(url, content=body)).status_code)
    except httpx.TransportError as error:
        return type(error).__name__
