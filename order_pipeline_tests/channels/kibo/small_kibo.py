"""A few orders behind Order Search v2, just strict enough for the extraction's tests, over real sockets.

Belongs here: switches for what the contract leaves open, and a run of the extraction against it. Does not belong here:
a faithful fake (the sandbox has that).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch, Window
from order_pipeline.channels.kibo.extraction import build_extraction
from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.http.errors import ApiError
from order_pipeline.http.settings import RateSettings
from order_pipeline_tests.http.scripted_server import Answer, Received, ScriptedServer

MARCH_1 = date(2026, 3, 1)
DAY = Window(MARCH_1, MARCH_1 + timedelta(days=1))
Spoil = Callable[[Received, bytes], Answer | None]


def order(number: int, when: str = "2026-03-01T08:00:00+00:00", **more: Any) -> dict[str, Any]:
    customer = {"firstName": "Ava", "password": "hunter2", "deep": [{"password": None}]}
    return {"orderID": number, "orderDate": when, "orderStatus": "READY", "customer": customer, **more}


def orders_of_day(count: int, day: date = MARCH_1, first: int = 1) -> list[dict[str, Any]]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    step = timedelta(days=1) / max(count, 1)
    return [order(first + number, (start + step * number).isoformat()) for number in range(count)]


@dataclass(slots=True)
class SmallKibo:
    """`total` states totalCount: "right", "absent", or a number that is a lie; `page_cap` caps perPage silently."""

    orders: list[dict[str, Any]]
    total: str | int = "right"
    page_cap: int = 100
    empty_body: bool = False
    spoil: Spoil = lambda _request, _body: None
    tokens: int = 0
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def __call__(self, request: Received) -> Answer:
        if request.path == "/oauthserver/oauth2/token":
            self.tokens += 1
            return Answer(body=b'{"access_token": "token-%d", "expires_in": 3600}' % self.tokens)
        assert request.path == "/api/v2/order/"
        assert request.headers["api-key"] == "the-key"
        assert request.headers["content-type"] == "application/json"
        self.asked.append(request.query)
        body = self._page(request.query)
        return self.spoil(request, body) or Answer(body=body)

    def _page(self, query: dict[str, str]) -> bytes:
        found = [each for each in self.orders if self._matches(each, query)]
        size = min(int(query["perPage"]), self.page_cap)
        start = (int(query["page"]) - 1) * size
        page = found[start : start + size]
        if not page and self.empty_body:
            return b""
        envelope: dict[str, Any] = {"collection": page}
        if self.total != "absent":
            envelope["totalCount"] = len(found) if self.total == "right" else self.total
        return json.dumps(envelope).encode()

    def _matches(self, each: dict[str, Any], query: dict[str, str]) -> bool:
        if "orderID" in query and str(each["orderID"]) not in query["orderID"].split(","):
            return False
        for start, end, value in (
            ("orderDateStart", "orderDateEnd", each.get("orderDate")),
            ("shipDateStart", "shipDateEnd", each.get("shipped")),
        ):
            # The fake's window ends are inclusive, which the contract allows: the extraction has to cut.
            if start in query and not (
                value is not None and moment(query[start]) <= moment(str(value)) <= moment(query[end])
            ):
                return False
        return True


def moment(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


class Known:
    """A warehouse that holds only unsettled order numbers, of `day`, and one watermark."""

    def __init__(self, *numbers: str, day: date = MARCH_1, proved_until: date | None = None) -> None:
        self.days = dict.fromkeys(numbers, day)
        self.proved_until = proved_until

    def awaiting_read(self, account: str) -> Mapping[str, date]:
        return {}

    def unsettled_orders(self, account: str) -> Mapping[str, date]:
        return self.days

    def watermark(self, name: str) -> date | None:
        return self.proved_until

    def latest_payloads(self, resource: str, record_ids: Sequence[str]) -> dict[str, bytes]:
        return {}

    def latest_hashes(self, resource: str, window: Window) -> dict[str, str]:
        return {}


def settings_for(server: ScriptedServer, **more: Any) -> KiboSettings:
    quick = RateSettings(attempts=3, backoff_cap_seconds=0.01, max_in_flight=4, read_timeout_seconds=2.0)
    settings = KiboSettings(
        base_url=f"{server.url}/api/v2",
        token_url=f"{server.url}/oauthserver/oauth2/token",
        api_key=SecretStr("the-key"),
        api_secret=SecretStr("the-secret"),
        manufacturer_ids=["77"],
        ship_date_look_back_days=0,
        rate=quick,
    )
    return settings.model_copy(update=more)


@dataclass(slots=True)
class Got:
    """Everything an extraction yielded."""

    groups: list[CommitGroup] = field(default_factory=list[CommitGroup])
    error: Exception | None = None

    @property
    def batches(self) -> list[RecordBatch]:
        return [batch for group in self.groups for batch in group.batches]

    @property
    def ids(self) -> list[str]:
        return [record_id for batch in self.batches for record_id in batch.record_ids]

    @property
    def days(self) -> list[date]:
        return [day for batch in self.batches for day in batch.days]

    @property
    def payloads(self) -> list[bytes]:
        return [payload for batch in self.batches for payload in batch.payloads]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        return [record for batch in self.batches for record in batch.dead_letters]

    @property
    def all_reports(self) -> list[FetchReport]:
        return [report for group in self.groups for report in group.reports]

    @property
    def reports(self) -> list[FetchReport]:
        """Those on what was read, without the one that moves the watermark."""
        return [report for report in self.all_reports if not report.watermark]

    @property
    def report(self) -> FetchReport:
        (report,) = self.reports
        return report


async def extract(
    kibo: SmallKibo,
    *,
    window: Window = DAY,
    known: Known | None = None,
    now: Callable[[], datetime] = lambda: datetime(2026, 3, 1, 12, tzinfo=UTC),
    **more: Any,
) -> Got:
    async with ScriptedServer(kibo) as server:
        got = Got()
        try:
            async for group in build_extraction(settings_for(server, **more), now=now)(window, known or Known()):
                got.groups.append(group)
        except ApiError as error:
            got.error = error
        return got


async def extracted(kibo: SmallKibo, **more: Any) -> Got:
    got = await extract(kibo, **more)
    if got.error:
        raise got.error
    return got
