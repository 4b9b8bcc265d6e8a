"""What the shop may do to an order, and the documented refusals (docs/apis/skroutz.md sections 3 and 4).

On demo orders an action is checked and answered like on any other, and changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from order_pipeline.sandbox.shared.channel import World
from order_pipeline.sandbox.skroutz.life import Changes, OrderBook, Step, acceptance, change_state, extension, voucher
from order_pipeline.sandbox.skroutz.orders import FILES, Order

STORED_REASONS = {1: "no_stock", 2: "wrong_price", 4: "limited_stock", 5: "discontinuation", 6: "content_mistake"}
COURIER_CODES = frozenset({"acs", "dhl", "geniki_taxydromiki", "dpd", "gls"})
FILE_TYPES = frozenset({"application/pdf", "image/png", "image/jpeg"})
MOST_FILE_BYTES = 7_000_000


class RefusedError(Exception):
    """The action is not carried out: status, error code and message of the answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"errors": [{"code": code, "messages": [message]}]}


class Desk:
    """Carries actions out on the book's orders."""

    def __init__(self, world: World, book: OrderBook) -> None:
        self._world = world
        self._book = book
        self.uploads: dict[str, int] = {}

    def find(self, code: str) -> Order:
        """The order, to read or to act on.

        Raises:
            RefusedError: 404, the documented one.
        """
        order = self._book.find(code)
        if order is None:
            raise RefusedError(404, "order_error", "Order not found")
        return order

    def accept(self, code: str, sent: dict[str, Any]) -> None:
        """Accept with a location and a window out of the order's `accept_options`."""
        order = self.find(code)
        if order["state"] == "accepted":
            raise RefusedError(422, "order_status", "Order already accepted.")
        if order["state"] != "open" or order["express"]:
            raise RefusedError(422, "order_status", "Order cannot be accepted.")
        options = order["accept_options"]
        locations = [location["id"] for location in options["pickup_location"]]
        windows = [window["id"] for window in options["pickup_window"]]
        if sent.get("pickup_location") not in locations:
            raise RefusedError(422, "pickup_location", "Invalid pickup location")
        if windows and sent.get("pickup_window") not in windows:
            raise RefusedError(422, "pickup_window", "Invalid pickup window")
        parcels = sent.get("number_of_parcels", 1)
        if parcels not in options["number_of_parcels"]:
            raise RefusedError(422, "number_of_parcels", "Invalid number of parcels")
        self._carry_out(code, acceptance(locations.index(sent["pickup_location"]) + 1, parcels))
        soon = self._world.clock.now() + timedelta(minutes=10)
        if code not in self._book.demo:
            self._book.plan(code, [Step(soon, "voucher", voucher(f"8{len(self._book.orders):08d}"))])

    def reject(self, code: str, sent: dict[str, Any]) -> None:
        """Reject by lines with reasons, or the whole order with a text."""
        order = self.find(code)
        if order["state"] == "rejected":
            raise RefusedError(422, "order_status", "Order already rejected.")
        if order["state"] != "open":
            raise RefusedError(422, "order_status", "Order cannot be rejected.")
        lines, text = sent.get("line_items"), sent.get("rejection_reason_other")
        if bool(lines) == bool(text):
            raise RefusedError(422, "line_items", "Give line items or rejection_reason_other")
        reasons = {} if text else self._checked_reasons(order, lines)

        def act(target: Order) -> Changes:
            if text:
                target["rejection_info"] = {"reason": text, "actor": "merchant"}
            for line in target["line_items"]:
                if line["id"] in reasons:
                    line["rejection_reason"] = reasons[line["id"]]
            return change_state(target, "rejected")

        self._carry_out(code, act)

    @staticmethod
    def _checked_reasons(order: Order, lines: Any) -> dict[str, str]:
        known_lines = {line["id"]: line for line in order["line_items"]}
        offered = {reason["id"]: reason for reason in order["reject_options"]["line_item_rejection_reasons"]}
        reasons: dict[str, str] = {}
        for line in lines:
            if line.get("id") not in known_lines:
                raise RefusedError(422, "line_items", "Unknown line item")
            reason = offered.get(line.get("reason_id"))
            if reason is None:
                raise RefusedError(422, "reason_id", "Invalid reason")
            if reason["requires_available_quantity"] and not isinstance(line.get("available_quantity"), int):
                raise RefusedError(422, "available_quantity", "Available quantity is required for this reason")
            reasons[line["id"]] = STORED_REASONS[reason["id"]]
        return reasons

    def upload_invoice(self, code: str, content: bytes | None, content_type: str) -> None:
        """Keep the shop's document; a later one replaces it. There is no webhook for it."""
        order = self.find(code)
        if content is None:
            raise RefusedError(400, "invoice_file", "Missing invoice file")
        if order["state"] in ("open", "rejected", "cancelled", "expired"):
            raise RefusedError(422, "invoice_file", "Failed to upload invoice. Order must be accepted first.")
        if content_type not in FILE_TYPES:
            raise RefusedError(422, "invoice_file", f"Invoice file {content_type} mime-type is not accepted")
        if len(content) > MOST_FILE_BYTES:
            raise RefusedError(422, "invoice_file", "Invoice file is too large")
        if code not in self._book.demo:
            order["uploaded_invoice_file"] = f"{FILES}/uploads/{code}.pdf"
        self.uploads[code] = len(content)

    def give_tracking(self, code: str, sent: dict[str, Any]) -> None:
        """Tracking of a shop that sends parcels itself."""
        self.find(code)
        details = sent.get("tracking_details")
        if not isinstance(details, list) or not details:
            raise RefusedError(422, "tracking_details", "Missing tracking details")
        if any(part.get("courier") not in COURIER_CODES or not part.get("tracking_code") for part in details):
            raise RefusedError(422, "tracking_details", "Invalid courier")
        codes = [part["tracking_code"] for part in details]
        self._carry_out(code, lambda order: _replace(order, "courier_tracking_codes", codes))

    def set_ready(self, code: str, *, ready: bool) -> None:
        """Set or remove the mark that the parcel waits for the courier."""
        order = self.find(code)
        eligible = (
            order["state"] == "accepted"
            and order["courier"] == "Skroutz Last Mile"
            and not order["fulfilled_by_skroutz"]
            and not order["store_pickup"]
            and order.get("is_ready_for_dispatch", False) is not ready
        )
        if not eligible:
            message = "Order is not eligible to be marked as ready" if ready else "Order is not eligible for undo"
            raise RefusedError(422, "order_error", message)
        self._carry_out(code, lambda target: _replace(target, "is_ready_for_dispatch", ready))

    def voucher_was_fetched(self, code: str) -> None:
        """The dangerous side effect (section 10): the parcel is ready for dispatch now."""
        order = self.find(code)
        if code not in self._book.demo:
            order["is_ready_for_dispatch"] = True

    def trigger(self, code: str, kind: str) -> None:
        """Make the webhook due that such an event causes, without changing the order (demo orders only)."""
        order = self.find(code)
        if code not in self._book.demo or code == "DEMO-RETURN":
            raise RefusedError(422, "order_error", "Webhook triggers work for demo orders only")
        now = self._world.clock.now()
        if kind == "creation":
            self._book.record(code, {}, now, "new_order")
            return
        acts = {
            "voucher_update": voucher("900000009"),
            "extension": extension(now),
            "cancellation": lambda target: change_state(target, "cancelled"),
        }
        self._book.record(code, acts[kind](copy.deepcopy(order)), now)

    def _carry_out(self, code: str, act: Callable[[Order], Changes]) -> None:
        if code in self._book.demo:
            return
        changes = act(self._book.orders[code])
        self._book.plan(code, [])
        self._book.record(code, changes, self._world.clock.now())


def _replace(order: Order, key: str, value: Any) -> Changes:
    before, order[key] = order.get(key), value
    return {key: {"old": before, "new": value}}
