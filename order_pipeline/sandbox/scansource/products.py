"""The fake ScanSource's products and customers: pricing, availability, search, detail; the customer check.

Operations are the reads of docs/apis/scansource.md sections 5 and 6. Answers are made up from documented names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from order_pipeline.sandbox.scansource.bills import price_row
from order_pipeline.sandbox.scansource.data import Books
from order_pipeline.sandbox.scansource.forms import Json
from order_pipeline.sandbox.scansource.items import DistributorItem
from order_pipeline.sandbox.scansource.orders import forbidden
from order_pipeline.sandbox.scansource.query import BadRequest, Query, json_answer, page_answer
from order_pipeline.sandbox.scansource.views import Views

if TYPE_CHECKING:
    from datetime import datetime

    from order_pipeline.sandbox.scansource.switches import ScanSourceSwitches

LARGEST_BATCH = 40
WAREHOUSES = ("1710", "2510")
SEARCH = ("customerNumber", "itemNumber", "partNumberType", "manufacturer", "catalogName", "categoryPath")
SEARCH_MORE = ("includeObsolete", "searchText", "useAndOperator", "region", "page", "pageSize")


async def _body(request: Request, allowed: tuple[str, ...]) -> Json:
    """The JSON object of a POST.

    Raises:
        BadRequest: if it is none, or has a key that the operation does not know.
    """
    try:
        body = msgspec.json.decode(await request.body(), type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadRequest("body", "not a JSON object") from error
    for key in body:
        if key not in allowed:
            raise BadRequest(key, "the operation has no such key")
    return body


def _list(body: Json, key: str) -> list[Any]:
    values = body.get(key)
    if not isinstance(values, list) or not values:
        raise BadRequest(key, "required, a list that is not empty")
    if len(values) > LARGEST_BATCH:
        raise BadRequest(key, f"more than {LARGEST_BATCH} entries")
    return values


class ProductDesk:
    """Answers about the articles of one set of books."""

    def __init__(self, books: Books, now: Callable[[], datetime], switches: Callable[[], ScanSourceSwitches]) -> None:
        self._books = books
        self._now = now
        self._switches = switches
        self._by_material = {item.material_number.lstrip("0"): item for item in books.items.values()}

    def _customer_may(self, customer: str | None) -> bool:
        return any(order.customer_number == customer for order in self._books.orders.values())

    def _item(self, number: str, part_number_type: int) -> DistributorItem | None:
        if part_number_type == 3:
            return self._by_material.get(number.lstrip("0"))
        if part_number_type == 2:
            return next((item for item in self._books.items.values() if item.manufacturer_part == number), None)
        return self._books.items.get(number.casefold())

    async def price(self, request: Request) -> Response:
        """product/pricing: a row for every line, in the order asked; errors inside a 200."""
        query = Query(request, ("customerNumber",))
        body = await _body(request, ("CustomerNumber", "Warehouse", "BusinessUnit", "DealID1", "Lines"))
        if not self._customer_may(query.required("customerNumber")):
            return forbidden()
        views = Views(self._now(), self._switches())
        rows: list[Json] = []
        for line in _list(body, "Lines"):
            number, quantity = line.get("ItemNumber"), line.get("Quantity", 1)
            if not isinstance(number, str) or not isinstance(quantity, int):
                raise BadRequest("Lines", "a line needs ItemNumber (text) and a whole Quantity")
            rows.append(price_row(number, self._item(number, line.get("PartNumberType", 0)), quantity))
        answer = views.finish(rows)
        wrapped = {"items": {"items": answer}, "Lines": {"Lines": answer}, "list_of_Lines": [{"Lines": answer}]}
        return json_answer(wrapped.get(self._switches().pricing_wrapper, answer))

    async def availability(self, request: Request) -> Response:
        """product/availability: keyed by material number, whatever number was sent."""
        query = Query(request, ("customerNumber",))
        body = await _body(request, ("CustomerNumber", "Warehouses", "ItemNumbers", "PartNumberType"))
        if not self._customer_may(query.required("customerNumber")):
            return forbidden()
        rows: list[Json] = []
        for warehouse in _list(body, "Warehouses"):
            for number in _list(body, "ItemNumbers"):
                item = self._item(str(number), body.get("PartNumberType", 0))
                rows.append(_availability_row(str(warehouse), str(number), item))
        return json_answer(Views(self._now(), self._switches()).finish({"items": rows}))

    async def search(self, request: Request) -> Response:
        """product/search: a bare array."""
        query = Query(request, (*SEARCH, *SEARCH_MORE))
        text, number = (query.text("searchText") or "").casefold(), query.text("itemNumber")
        if not self._customer_may(query.required("customerNumber")):
            return forbidden()
        found = [
            item
            for item in self._books.items.values()
            if (number is None or item.item_number == number)
            and (not text or text in f"{item.item_number} {item.description}".casefold())
            and query.text("manufacturer") in (None, item.manufacturer)
        ]
        page, nothing = page_answer(request, query, found, self._switches())
        return json_answer([_search_row(item) for item in page]) if nothing is None else nothing

    async def show(self, request: Request) -> Response:
        """product/detail: the search element and measures; odd casing is real, numbers may be text."""
        query = Query(request, ("customerNumber", "itemNumber", "partNumberType", "region"))
        kind = query.text("partNumberType") or "1"
        item = self._item(query.required("itemNumber"), int(kind) if kind.isdecimal() else 0)
        if item is None:
            return JSONResponse({"Message": "The item was not found."}, status_code=404)
        more = {"BaseUnitofMeasure": "EA", "GrossWeight": "1.250", "CountryofOrigin": "US", "ProductMedia": []}
        return json_answer(_search_row(item) | more)

    async def check_customer(self, request: Request) -> Response:
        """customer/{number}: existence and name (keys made up)."""
        number = request.path_params["customerNumber"]
        if not self._customer_may(number):
            return JSONResponse({"Message": "The customer was not found."}, status_code=404)
        return json_answer({"CustomerNumber": number, "Name": "Sandbox Partner Inc."})


def _availability_row(warehouse: str, number: str, item: DistributorItem | None) -> Json:
    problem = "Material does not exist" if item is None else ""
    if warehouse not in WAREHOUSES:
        problem = "Warehouse does not exist"
    material = number if item is None else item.material_number
    if item is None or problem:
        row = {"Warehouse": warehouse, "MaterialNumber": material, "ErrorFlag": True}
        return row | {"ErrorDescription": problem}
    row = {"Warehouse": warehouse, "MaterialNumber": material, "QuantityAvailable": item.stock}
    return row | {"ErrorFlag": False, "ErrorDescription": ""}


def _search_row(item: DistributorItem) -> Json:
    return {
        "ScanSourceItemNumber": item.item_number,
        "ManufacturerItemNumber": item.manufacturer_part,
        "Manufacturer": item.manufacturer,
        "ItemStatus": "Active",
        "PlantMaterialStatusValidfrom": "",
        "ItemImage": "",
        "ReboxItem": False,
        "BStockItem": "false",
        "CatalogName": "POS and Barcode",
        "BusinessUnit": "1700",
        "CategoryPath": "Scanners",
        "ProductFamily": item.manufacturer,
        "Description": item.description,
    }
