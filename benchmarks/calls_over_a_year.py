"""How many calls a scheduled run makes on day 30, 180 and 365 of a shop with 600 orders a day, none of which settles.

The channels' own extractions plan the calls; a simulated year answers them in this process and plays the warehouse.
Every hour was run before, so that a run finds a day's watermark and what the run an hour ago stored.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from order_pipeline.channels.base import FetchReport, SourceState, Window
from order_pipeline.channels.kibo.extraction import build_extraction as build_kibo
from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.channels.scansource.extraction import build_extraction as build_scansource
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.channels.skroutz.reread import RereadExtraction
from order_pipeline.channels.skroutz.settings import SkroutzSettings
from order_pipeline.http.reply import Reply
from order_pipeline.http.transport import Transport
from order_pipeline.settings import ScheduleSettings

FIRST_DAY = date(2026, 1, 1)
FIRST_NUMBER = 1_000_000
ORDERS_A_DAY = 600
RUN_DAYS = (30, 180, 365)
MOST_GROWTH = 0.2
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHANGES = (timedelta(0), timedelta(hours=20), timedelta(days=3))
"""When an order changes after it was placed. After the last one nothing happens to it any more."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the year: placed at any minute of its day, shipped the day after, never settled."""

    number: int
    placed: datetime

    def changed(self, now: datetime) -> datetime:
        """Its last change by now."""
        return max(self.placed + change for change in CHANGES if self.placed + change <= now)

    def is_open(self, now: datetime) -> bool:
        """Whether it has not shipped yet."""
        return self.placed + CHANGES[1] > now


@dataclass(slots=True)
class Year:
    """The orders up to one moment, as the three APIs would show them; counts the calls."""

    now: datetime
    calls: int = 0
    orders: dict[int, Order] = field(default_factory=dict[int, Order])

    def __post_init__(self) -> None:
        for day in range((self.now.date() - FIRST_DAY).days + 1):
            midnight = datetime.combine(FIRST_DAY + timedelta(days=day), time(), UTC)
            for place in range(ORDERS_A_DAY):
                order = Order(
                    FIRST_NUMBER + day * ORDERS_A_DAY + place, midnight + timedelta(days=place / ORDERS_A_DAY)
                )
                if order.placed <= self.now:
                    self.orders[order.number] = order

    def of_days(self, first: date, last: date) -> list[Order]:
        """Orders placed on these days, both included."""
        numbers = (FIRST_NUMBER + max(0, (day - FIRST_DAY).days) * ORDERS_A_DAY for day in (first, last + DAY))
        return [self.orders[number] for number in range(*numbers) if number in self.orders]

    async def answer(self, path: str, params: Mapping[str, str], body: Any) -> bytes:
        """The body that the API would send."""
        self.calls += 1
        if path == "order/":
            return self._kibo(params)
        if path.startswith("/merchants/"):
            return skroutz_order(self.orders[int(path.rpartition("/")[2])], self.now)
        return self._scansource(path, params, body)

    def _kibo(self, params: Mapping[str, str]) -> bytes:
        if "orderID" in params:
            found = [self.orders[int(number)] for number in params["orderID"].split(",")]
        elif "shipDateStart" in params:
            first, last = (datetime.fromisoformat(params[name]) for name in ("shipDateStart", "shipDateEnd"))
            near = self.of_days((first - CHANGES[1]).date(), last.date())
            found = [order for order in near if first <= order.placed + CHANGES[1] <= min(last, self.now)]
        else:
            first, last = (datetime.fromisoformat(params[name]) for name in ("orderDateStart", "orderDateEnd"))
            found = [order for order in self.of_days(first.date(), last.date()) if first <= order.placed <= last]
        rows = [{"orderID": order.number, "orderDate": order.placed.isoformat()} for order in page_of(found, params)]
        return json.dumps({"collection": rows, "totalCount": len(found)}).encode()

    def _scansource(self, path: str, params: Mapping[str, str], body: Any) -> bytes:
        if path.endswith(("/list", "/summary")):
            return b"[" + b",".join(self._rows(path, params)) + b"]"
        answers: dict[str, Any] = {
            "pricing": [{"ItemNumber": line["ItemNumber"]} for line in (body or {}).get("Lines", ())],
            "availability": {"items": [{"MaterialNumber": item} for item in (body or {}).get("ItemNumbers", ())]},
            "detail": {
                "SalesOrderNumber": params.get("salesOrderNumber"),
                "InvoiceNumber": params.get("InvoiceNumber"),
            },
            "tracking": {"Orders": []},
            "serials": [],
        }
        return json.dumps(answers[path.rpartition("/")[2]]).encode()

    def _rows(self, path: str, params: Mapping[str, str]) -> Iterator[bytes]:
        if "fromLastChangeDate" in params:
            first, last = (date.fromisoformat(params[name]) for name in ("fromLastChangeDate", "toLastChangeDate"))
            near = self.of_days(first - CHANGES[-1], last)
            found = [order for order in near if first <= order.changed(self.now).date() <= last]
        else:
            found = self.of_days(date.fromisoformat(params["fromDate"]), date.fromisoformat(params["toDate"]))
        shown = invoice_row if "invoice" in path else order_row
        yield from (shown(order, self.now) for order in page_of(found, params))


def page_of(found: Sequence[Order], params: Mapping[str, str]) -> Sequence[Order]:
    """The page that was asked for."""
    size = int(params.get("perPage") or params["pageSize"])
    start = (int(params["page"]) - 1) * size
    return found[start : start + size]


def order_row(order: Order, now: datetime) -> bytes:
    """A row of ScanSource's order list."""
    line = {"ItemNumber": f"I-{order.number % 200}", "Shipped": 0 if order.is_open(now) else 1}
    row = {
        "OrderNumber": str(order.number),
        "Status": "Open" if order.is_open(now) else "Completely Shipped",
        "DateEntered": order.placed.isoformat(),
        "LastChanged": order.changed(now).isoformat(),
        "SalesOrderLines": [line],
    }
    return json.dumps(row).encode()


def invoice_row(order: Order, _now: datetime) -> bytes:
    """A row of ScanSource's invoice list: one invoice an order."""
    return json.dumps({"InvoiceNumber": f"{order.number}", "DateEntered": order.placed.isoformat()}).encode()


def skroutz_order(order: Order, now: datetime) -> bytes:
    """The answer to a read of one order."""
    state = "accepted" if order.is_open(now) else "for_return"
    return json.dumps({"order": {"code": str(order.number), "state": state, "created_at": str(order.placed)}}).encode()


@dataclass(frozen=True, slots=True)
class StoredAnHourAgo:
    """The warehouse as the run before left it. Every order is unsettled."""

    year: Year

    def awaiting_read(self, account: str) -> Mapping[str, date]:
        """As SourceState: none."""
        del account
        return {}

    def unsettled_orders(self, account: str) -> Mapping[str, date]:
        """All orders."""
        del account
        return {str(order.number): order.placed.date() for order in self.year.orders.values()}

    def watermark(self, name: str) -> date | None:
        """Today: the run before was complete."""
        del name
        return self.year.now.date()

    def latest_payloads(self, resource: str, record_ids: Sequence[str]) -> dict[str, bytes]:
        """What an API said an hour ago."""
        numbers = [(record_id, int(record_id.rpartition(":")[2])) for record_id in record_ids]
        known = [(record_id, self.year.orders[number]) for record_id, number in numbers if number in self.year.orders]
        return {record_id: self._payload(resource, order) for record_id, order in known if self._had(order)}

    def latest_hashes(self, resource: str, window: Window) -> dict[str, str]:
        """Hashes of the same."""
        orders = self.year.of_days(window.start, window.end - timedelta(days=1))
        account = "" if resource == "orders" else "C1:"
        return {
            f"{account}{order.number}": hashlib.sha256(self._payload(resource, order)).hexdigest()
            for order in orders
            if self._had(order)
        }

    def _had(self, order: Order) -> bool:
        return order.placed <= self.year.now - HOUR

    def _payload(self, resource: str, order: Order) -> bytes:
        if resource == "orders":
            seen = json.loads(skroutz_order(order, self.year.now - HOUR))
            return json.dumps(
                {**seen, "observed_at": str(order.changed(self.year.now)), "observed_by": "read"}
            ).encode()
        return (invoice_row if "invoice" in resource else order_row)(order, self.year.now - HOUR)


@contextmanager
def answering(year: Year) -> Iterator[None]:
    """Every transport of this process is answered by the year."""
    original = Transport.request

    async def request(self: Transport, method: str, path: str, **options: Any) -> Reply:
        self.calls += 1
        body = await year.answer(path, options.get("params") or {}, options.get("json"))
        return Reply(method, path, 200, {}, body)

    Transport.request = request  # pyright: ignore[reportAttributeAccessIssue] - in this process only
    try:
        yield
    finally:
        Transport.request = original


def extractions(year: Year) -> dict[str, Any]:
    """The three channels with default settings, and the year's clock."""
    kibo = KiboSettings.model_validate({"api_key": "k", "api_secret": "s", "manufacturer_ids": ["1"]})
    scansource = ScanSourceSettings.model_validate(
        {"client_id": "c", "client_secret": "s", "subscription_key": "k", "customer_numbers": ["C1"], "timezone": "UTC"}
    )
    skroutz = SkroutzSettings.model_validate({"token": "t"})
    return {
        "kibo": build_kibo(kibo, now=lambda: year.now),
        "scansource": build_scansource(scansource, now=lambda: year.now),
        "skroutz": RereadExtraction(skroutz, now=lambda: year.now),
    }


def run(channel: str, day: int) -> tuple[int, list[FetchReport]]:
    """Calls of one scheduled run on that day of the year, and its reports."""
    now = datetime.combine(FIRST_DAY + timedelta(days=day - 1), time(10, 5), UTC)
    year = Year(now)
    end = now.date() + timedelta(days=1)
    window = Window(max(FIRST_DAY, end - timedelta(days=ScheduleSettings().trailing_days)), end)
    known: SourceState = StoredAnHourAgo(year)

    async def extract() -> list[FetchReport]:
        return [report async for group in extractions(year)[channel](window, known) for report in group.reports]

    with answering(year):
        reports = asyncio.run(extract())
    return year.calls, reports


def growth(calls: Collection[int]) -> float:
    """By which part the most calls exceed the fewest."""
    return max(calls) / min(calls) - 1


def main() -> int:
    argparse.ArgumentParser(prog="python -m benchmarks.calls_over_a_year", description=__doc__).parse_args()
    rows: list[str] = ["calls a run " + "".join(f"{f'day {day}':>8}" for day in RUN_DAYS) + "  growth"]
    grown: list[str] = []
    notes: list[str] = []
    for channel in ("kibo", "scansource", "skroutz"):
        calls: list[int] = []
        for day in RUN_DAYS:
            made, reports = run(channel, day)
            calls.append(made)
            notes += [f"{channel}, day {day}: {report.note}" for report in reports if "older" in report.note]
        rows.append(f"{channel:12}" + "".join(f"{made:>8}" for made in calls) + f"{growth(calls):>8.0%}")
        if growth(calls) > MOST_GROWTH:
            grown.append(channel)
    print("\n".join([*rows, *notes]))
    return 1 if grown else 0


if __name__ == "__main__":
    raise SystemExit(main())
