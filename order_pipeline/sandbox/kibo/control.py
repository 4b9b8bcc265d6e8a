"""What a test or a person does to the fake's orders, below `/control/kibo`: none of it is part of the API.

POST   /orders                 {"at": time}: a new order at that time of the past
POST   /orders/{id}/cancel     cancel what has not left yet
PATCH  /orders/{id}            JSON merge patch on the record as it is now (null removes a key); it then stands still
PUT    /orders/{id}            serve this body as the record, be it JSON or not
DELETE /orders/{id}            serve the true record again
POST   /warm                   encode every record now, before a measurement
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from order_pipeline.sandbox.kibo.orders import Order
from order_pipeline.sandbox.kibo.search import Moment
from order_pipeline.sandbox.kibo.store import KiboStore


def merged(value: Any, patch: Any) -> Any:
    """`value` with a JSON merge patch applied (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result: dict[str, Any] = dict(value) if isinstance(value, dict) else {}
    for name, part in patch.items():
        if part is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), part)
    return result


def control_routes(store: KiboStore, moment_now: Callable[[], Moment]) -> list[BaseRoute]:
    """The routes, bound to one fake's orders and its clock."""

    def order_of(request: Request) -> Order:
        order = store.find(int(request.path_params["order_id"]), moment_now())
        if order is None:
            raise HTTPException(404, "there is no such order by now")
        return order

    async def insert(request: Request) -> Response:
        moment = moment_now()
        try:
            at = msgspec.convert(msgspec.json.decode(await request.body())["at"], datetime)
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            raise HTTPException(400, 'the body must be {"at": "<time with offset>"}') from error
        if at.tzinfo is None or at >= moment.now:
            raise HTTPException(400, f"the time needs an offset and must be before {moment.now.isoformat()}")
        return answer({"orderID": store.insert_near(at, moment).order_id})

    async def cancel(request: Request) -> Response:
        store.cancel(order_of(request), moment_now())
        return answer({"cancelled": True})

    async def change(request: Request) -> Response:
        order = order_of(request)
        body = await request.body()
        if request.method == "PATCH":
            current = msgspec.json.decode(store.record(order, moment_now()))
            body = msgspec.json.encode(merged(current, msgspec.json.decode(body)))
        store.override(order.order_id, None if request.method == "DELETE" else body)
        return answer({"overridden": request.method != "DELETE"})

    async def warm(_request: Request) -> Response:
        return answer({"orders": store.warm(moment_now())})

    return [
        Route("/orders", insert, methods=["POST"]),
        Route("/orders/{order_id:int}/cancel", cancel, methods=["POST"]),
        Route("/orders/{order_id:int}", change, methods=["PATCH", "PUT", "DELETE"]),
        Route("/warm", warm, methods=["POST"]),
    ]


def answer(content: Any) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(content), media_type="application/json")
