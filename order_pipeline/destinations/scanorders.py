"""The two ScanOrders calls besides create: read one order by its id, set one status.

The contract is docs/apis/scanorders.md sections 5 and 7. Create stands apart (`scanorders_poster`), because it must
never be repeated and these two may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from order_pipeline.destinations.demo_guard import refuse_demo_orders
from order_pipeline.destinations.scanorders_answers import decode_object, field, identifier, unwrap
from order_pipeline.destinations.scanorders_poster import AccessTokens, workflow_url
from order_pipeline.destinations.settings import FloorStatus, PipelineSettings, ScanOrdersSettings
from order_pipeline.floors import MAIN
from order_pipeline.http.auth import BearerToken
from order_pipeline.http.errors import PermanentError
from order_pipeline.http.reply import Reply
from order_pipeline.http.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReading:
    """What `orders` answered, as text. The customer's name is not kept.

    `barcode` has lost its leading zeros when the host sends a number; `status_code` is a number whose meaning is not
    published; `order_date` has an unknown order of day and month. All may be None: the reply proves little.
    """

    order_id: str
    status_code: str | None
    barcode: str | None
    quantity: str | None
    order_date: str | None


class ScanOrdersClient:
    """Reads and updates. `transport` comes from `open_transport`."""

    def __init__(self, transport: Transport, settings: ScanOrdersSettings) -> None:
        self._transport = transport
        self._settings = settings

    async def read_order(self, order_id: str) -> OrderReading | None:
        """Read one order; None when ScanOrders does not know the id (what it answers then is not documented).

        Raises:
            ApiError: as `Transport.request`; a refusal of the id itself (400) is not an error but None.
        """
        try:
            reply = await self._transport.request(
                "POST",
                workflow_url(self._settings, "orders"),
                form={self._settings.order_id_parameter: order_id},
                idempotent=True,
            )
        except PermanentError as error:
            if error.status == 400:
                return None
            raise
        fields = _fields(reply)
        if not any(name in fields for name in ("orderbarcode", "orderquantity", "status")):
            return None
        return OrderReading(
            order_id=order_id,
            status_code=None if fields.get("status") is None else str(fields["status"]),
            barcode=identifier(fields.get("orderbarcode")),
            quantity=identifier(fields.get("orderquantity")),
            order_date=None if fields.get("orderdate") is None else str(fields["orderdate"]),
        )

    async def update_status(self, order_id: str, status: FloorStatus) -> None:
        """Set a status. Setting the same one again is probably harmless (section 13.3), so a doubt may be tried again.

        Raises:
            ApiError: as `Transport.request`.
        """
        await self._transport.request(
            "POST",
            workflow_url(self._settings, "updateorder"),
            json={self._settings.status_parameter: status, self._settings.order_id_parameter: order_id},
        )


def open_transport(settings: PipelineSettings, tokens: AccessTokens, floor: str = MAIN) -> Transport:
    """The transport of the two calls to a floor's account: same host, same budget and same token as create.

    Raises:
        DemoDirectoryError: a demo's picks would meet a real floor.
    """
    refuse_demo_orders(settings)
    there = settings.floor_settings[floor]
    return Transport("scanorders", there.base_url, auth=BearerToken(tokens.current), rate=there.rate)


def _fields(reply: Reply) -> dict[str, Any]:
    """The reply's own fields; those of the bare envelope are kept apart from its `status: Success`."""
    body = decode_object(reply.content) or {}
    fields = unwrap(body)
    if str(field(fields, "status")).lower() == "success":
        fields.pop("status")
    return fields
