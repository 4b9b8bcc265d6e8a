"""APIs on loopback that answer any bytes: what a strict fake cannot serve, for it would have to understand them.

Each is a handler of `ScriptedServer` over records given as bytes, as strict about what it is asked as the contract.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from pydantic import SecretStr

from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.channels.skroutz.settings import SkroutzSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline_tests.http.scripted_server import Answer, Received

RATE = RateSettings(attempts=2, backoff_cap_seconds=0.01, max_in_flight=8)
TOKEN = Answer(body=b'{"access_token": "token", "expires_in": 3600}')
REFUSED = Answer(status=400, body=b'{"Message": "The request is invalid."}')
EMPTY = Answer(body=b"[]")
LONGEST_REAL_ID = 30


@dataclass(slots=True)
class KiboBytes:
    """Order Search v2 (docs/apis/kibo.md section 3). `refused`: ids that any search by ids is refused for."""

    orders: Mapping[str, bytes]
    refused: frozenset[str] = frozenset()
    searches_refused: int = 0

    def settings(self, url: str) -> KiboSettings:
        """Settings that reach it."""
        return KiboSettings(
            base_url=f"{url}/api/v2",
            token_url=f"{url}/token",
            api_key=SecretStr("key"),
            api_secret=SecretStr("secret"),
            manufacturer_ids=["77"],
            rate=RATE,
        )

    def __call__(self, request: Received) -> Answer:
        if request.path == "/token":
            return TOKEN
        query = request.query
        if "orderID" in query:
            ids = query["orderID"].split(",")
            if self.refused & set(ids) or any(not each.isdecimal() or len(each) > LONGEST_REAL_ID for each in ids):
                self.searches_refused += 1
                return REFUSED
            found = [self.orders[each] for each in ids if each in self.orders]
        else:
            found = [] if "shipDateStart" in query else list(self.orders.values())
        size = int(query["perPage"])
        start = (int(query["page"]) - 1) * size
        page = b",".join(found[start : start + size])
        return Answer(body=b'{"totalCount":%d,"collection":[%s]}' % (len(found), page))


@dataclass(slots=True)
class ScanSourceBytes:
    """ScanSource (docs/apis/scansource.md sections 3 to 5): rows of the list, and answers by operation and number."""

    rows: list[bytes]
    answers: dict[tuple[str, str], bytes | Answer]
    items_asked: set[str] = field(default_factory=set[str])

    def settings(self, url: str) -> ScanSourceSettings:
        """Settings that reach it."""
        return ScanSourceSettings(
            preset="sandbox",
            base_url=url,
            token_url=f"{url}/token",
            client_id=SecretStr("id"),
            client_secret=SecretStr("secret"),
            subscription_key=SecretStr("key"),
            customer_numbers=["1000"],
            changed_look_back_days=0,
            rate=RATE,
        )

    def __call__(self, request: Received) -> Answer:
        family, _, operation = request.path.rpartition("/")
        if operation == "token":
            return TOKEN
        if operation in {"pricing", "availability"}:
            return self._row_for_each_item(operation, json.loads(request.body))
        if family.endswith("invoice/v1"):
            return EMPTY
        if operation == "list":
            size = int(request.query["pageSize"])
            start = (int(request.query["page"]) - 1) * size
            return Answer(body=b"[" + b",".join(self.rows[start : start + size]) + b"]")
        number = request.query["salesOrderNumber"]
        if len(number) > LONGEST_REAL_ID or not number.isprintable():
            return REFUSED
        answer = self.answers.get((operation, number), Answer(status=404, body=b'{"Message": "not found"}'))
        return answer if isinstance(answer, Answer) else Answer(body=answer)

    def _row_for_each_item(self, operation: str, body: dict[str, Any]) -> Answer:
        items = [line["ItemNumber"] for line in body["Lines"]] if operation == "pricing" else body["ItemNumbers"]
        if any(len(item) > LONGEST_REAL_ID or not item.isprintable() for item in items):
            return REFUSED
        self.items_asked.update(items)
        key = "ItemNumber" if operation == "pricing" else "MaterialNumber"
        return Answer(body=json.dumps([{key: item, "QuantityAvailable": 1} for item in items]).encode())


@dataclass(slots=True)
class SkroutzBytes:
    """The read of one order by its code (docs/apis/skroutz.md section 3.1)."""

    orders: Mapping[str, bytes | Answer]

    def settings(self, url: str) -> SkroutzSettings:
        """Settings that reach it."""
        return SkroutzSettings(base_url=url, token=SecretStr("token"), reread_most_orders=100_000, rate=RATE)

    def __call__(self, request: Received) -> Answer:
        prefix, _, code = request.path.rpartition("/")
        assert prefix == "/merchants/ecommerce/orders", request.path
        answer = self.orders.get(unquote(code), Answer(status=404, body=b'{"errors": []}'))
        return answer if isinstance(answer, Answer) else Answer(body=answer)


Api = KiboBytes | ScanSourceBytes | SkroutzBytes
