"""The fake ScanSource's orders and invoices: list, summary, detail, tracking, serials; list, summary, detail, pdf.

Operations are those of docs/apis/scansource.md sections 3 and 4. They only read; writing answers 405.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from order_pipeline.sandbox.scansource.bills import invoice_detail, invoice_row, invoice_summary
from order_pipeline.sandbox.scansource.data import Books, PlannedDelivery, PlannedOrder
from order_pipeline.sandbox.scansource.forms import Json
from order_pipeline.sandbox.scansource.query import BadRequest, Query, json_answer, page_answer
from order_pipeline.sandbox.scansource.views import Views
from order_pipeline.sandbox.shared.injection import FAULT_KEY

if TYPE_CHECKING:
    from order_pipeline.sandbox.scansource.switches import ScanSourceSwitches

PAGING = ("customerNumber", "page", "pageSize", "fromDate", "toDate", "poNumber", "salesOrderNumber")
CHANGED = ("fromLastChangeDate", "toLastChangeDate", "referenceNumber", "status", "docType")
LIST = (*PAGING, *CHANGED, "endUserPO", "shippingCity", "includeScheduleLines")
SUMMARY = (*PAGING, *CHANGED, "serialNumbers", "macAddresses")
SERIALS = (*PAGING, "serialNumbers", "invoiceNumber")
INVOICES = (*PAGING, "invoiceNumber")
LARGEST_SERIAL_PAGE = 1000


def forbidden() -> Response:
    """The answer to a customer number that the caller may not see."""
    return JSONResponse({"statusCode": 403, "message": "Forbidden"}, status_code=403)


class OrderDesk:
    """Answers about orders and invoices of one set of books, as of the clock's business time."""

    def __init__(self, books: Books, now: Callable[[], datetime], switches: Callable[[], ScanSourceSwitches]) -> None:
        self._books = books
        self._now = now
        self._switches = switches

    def _views(self) -> Views:
        return Views(self._now(), self._switches())

    def _orders(self, query: Query) -> Iterator[PlannedOrder]:
        """The customer's orders entered by now that match the references asked for, by number."""
        customer = query.required("customerNumber")
        if len(customer) > 10:
            raise BadRequest("customerNumber", "longer than 10 characters")
        wanted = {
            "number": query.text("salesOrderNumber"),
            "purchase_order": query.text("poNumber"),
        }
        for order in sorted(self._books.orders.values(), key=lambda known: known.number):
            if order.customer_number != customer or order.entered_at > self._now():
                continue
            if all(value is None or getattr(order, name) == value for name, value in wanted.items()):
                yield order

    def _known_customer(self, query: Query) -> bool:
        return any(o.customer_number == query.text("customerNumber") for o in self._books.orders.values())

    def _entered_orders(self, query: Query) -> list[PlannedOrder]:
        switches, views = self._switches(), self._views()
        status, document_type = query.text("status"), query.text("docType")
        reference = query.text("referenceNumber")
        return [
            order
            for order in self._orders(query)
            if query.covers(order.entered_at, "fromDate", "toDate", switches)
            and query.covers(order.last_changed(views.now), "fromLastChangeDate", "toLastChangeDate", switches)
            and (status is None or views.status(order).casefold() == status.casefold())
            and (document_type is None or document_type == ("ZQT" if order.quotation else "ZOR"))
            and (reference is None or order.reference == reference)
        ]

    def _page(self, request: Request, query: Query, rows: list[Any], show: Callable[[Any], Json]) -> Response:
        if not self._known_customer(query):
            return forbidden()
        page, nothing = page_answer(request, query, rows, self._switches())
        if nothing is not None:
            return nothing
        answer = json_answer(self._views().finish([show(row) for row in page]))
        self._disturb(request, page)
        return answer

    def _disturb(self, request: Request, page: list[Any]) -> None:
        """Scripted faults that change the books between two pages."""
        fault = request.scope.get("state", {}).get(FAULT_KEY)
        first = page[0]
        if fault is None or not isinstance(first, PlannedOrder):
            return
        if fault.kind == "change_record":
            self._books.touch(first.number, self._now(), "changed between two pages")
        elif fault.kind == "insert_record":
            for extra in range(max(1, fault.shift)):
                number = f"{int(first.number) - 900_000 - len(self._books.orders) - extra:010d}"
                self._books.put(replace(first, number=number, deliveries=(), quotation=False))

    async def list_orders(self, request: Request) -> Response:
        """salesorder/list."""
        query = Query(request, LIST)
        end_user, city = query.text("endUserPO"), query.text("shippingCity")
        rows = [
            order
            for order in self._entered_orders(query)
            if (end_user is None or order.end_user_purchase_order == end_user)
            and (city is None or order.buyer[3].casefold() == city.casefold())
        ]
        schedule_lines = query.flag("includeScheduleLines")
        return self._page(
            request, query, rows, lambda order: self._views().order_row(order, schedule_lines=schedule_lines)
        )

    async def summarise_orders(self, request: Request) -> Response:
        """salesorder/summary."""
        query = Query(request, SUMMARY)
        serials = set(query.names("serialNumbers"))
        rows = [
            order
            for order in self._entered_orders(query)
            if not serials or serials & {row["SerialNumber"] for row in self._views().serial_rows(order)}
        ]
        return self._page(request, query, rows, self._views().order_summary)

    def _one_order(self, request: Request, *, exclude: bool) -> tuple[PlannedOrder | None, bool, Response]:
        """The asked order, whether tracking is left out, and the answer when there is no such order."""
        allowed = ("customerNumber", "salesOrderNumber", *(["excludeSerialTracking"] if exclude else []))
        query = Query(request, allowed)
        number = query.required("salesOrderNumber")
        order = self._books.orders.get(number)
        query.required("customerNumber")
        if not self._known_customer(query):
            return None, False, forbidden()
        if order is not None and (
            order.customer_number != query.required("customerNumber") or order.entered_at > self._now()
        ):
            order = None
        if self._switches().unknown_order == "empty_body":
            return order, query.flag("excludeSerialTracking"), Response(b"", media_type="application/json")
        missing = JSONResponse({"Message": "The sales order was not found."}, status_code=404)
        return order, query.flag("excludeSerialTracking"), missing

    async def show_order(self, request: Request) -> Response:
        """salesorder/detail."""
        order, exclude, missing = self._one_order(request, exclude=True)
        if order is None:
            return missing
        views = self._views()
        return json_answer(views.finish(views.order_detail(order, exclude_tracking=exclude)))

    async def track_order(self, request: Request) -> Response:
        """salesorder/tracking."""
        order, _, missing = self._one_order(request, exclude=False)
        views = self._views()
        return missing if order is None else json_answer(views.finish(views.order_tracking(order)))

    async def list_serials(self, request: Request) -> Response:
        """salesorder/serials: pages of at most 1000 rows."""
        query = Query(request, SERIALS)
        views, switches = self._views(), self._switches()
        serials, invoice = set(query.names("serialNumbers")), query.text("invoiceNumber")
        rows = [
            row
            for order in self._orders(query)
            for row in views.serial_rows(order)
            if (not serials or row["SerialNumber"] in serials)
            and (invoice is None or row["InvoiceNumber"] == invoice)
            and query.covers(_billed_at(self._books, row), "fromDate", "toDate", switches)
        ]
        if not self._known_customer(query):
            return forbidden()
        page, nothing = page_answer(request, query, rows, switches, LARGEST_SERIAL_PAGE)
        return json_answer(views.finish(page)) if nothing is None else nothing

    def _invoices(self, query: Query) -> list[tuple[PlannedOrder, PlannedDelivery]]:
        wanted = query.text("invoiceNumber")
        return [
            (order, delivery)
            for order in self._orders(query)
            for delivery in order.invoiced_deliveries(self._now())
            if (wanted is None or delivery.invoice_number == wanted)
            and query.covers(delivery.invoiced_at, "fromDate", "toDate", self._switches())
        ]

    async def list_invoices(self, request: Request) -> Response:
        """invoice/list."""
        query = Query(request, INVOICES)
        return self._page(request, query, self._invoices(query), lambda found: invoice_row(*found))

    async def summarise_invoices(self, request: Request) -> Response:
        """invoice/summary."""
        query = Query(request, INVOICES)
        return self._page(
            request, query, self._invoices(query), lambda found: invoice_summary(found[0], found[1], self._now())
        )

    def _one_invoice(self, request: Request) -> tuple[tuple[PlannedOrder, PlannedDelivery] | None, Response]:
        query = Query(request, ("customerNumber", "invoiceNumber", "excludeSerialTracking"))
        customer, number = query.required("customerNumber"), query.required("invoiceNumber")
        found = self._books.invoice(number)
        if found and (found[0].customer_number != customer or found[1].invoiced_at > self._now()):
            found = None
        missing = JSONResponse({"Message": "The invoice was not found."}, status_code=404)
        return found, missing if self._known_customer(query) else forbidden()

    async def show_invoice(self, request: Request) -> Response:
        """invoice/detail."""
        found, missing = self._one_invoice(request)
        views = self._views()
        return missing if found is None else json_answer(views.finish(invoice_detail(*found, views.now)))

    async def print_invoice(self, request: Request) -> Response:
        """invoice/pdf: JSON that holds the document as base64 (inferred)."""
        found, missing = self._one_invoice(request)
        if found is None:
            return missing
        document = base64.b64encode(b"%PDF-1.4 made up").decode()
        number = found[1].invoice_number
        return json_answer({"InvoiceNumber": number, "InvoiceData": document, "Errors": [], "Warnings": []})


def _billed_at(books: Books, row: Json) -> datetime:
    found = books.invoice(row["InvoiceNumber"])
    if found is None:
        raise KeyError(row["InvoiceNumber"])
    return found[1].invoiced_at
