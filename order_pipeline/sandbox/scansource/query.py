"""What the fake ScanSource does with a query: strict parameters, filters by documented names, paging of bare arrays."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from order_pipeline.sandbox.scansource.forms import OFFICE
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline.sandbox.shared.injection import FAULT_KEY

if TYPE_CHECKING:
    from order_pipeline.sandbox.scansource.switches import ScanSourceSwitches

Row = TypeVar("Row")
DEFAULT_PAGE_SIZE = 100
ENCODER = msgspec.json.Encoder(decimal_format="number")


class BadRequest(Exception):  # noqa: N818 - named after what is answered
    """A call that the backend refuses with 400; `field` is the parameter or body key."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem

    def answer(self) -> JSONResponse:
        """The refusal in the backend's form (made up after ASP.NET's)."""
        state = {self.field: [self.problem]}
        return JSONResponse({"Message": "The request is invalid.", "ModelState": state}, status_code=400)


def json_answer(content: Any) -> Response:
    """200 with JSON; money as plain numbers."""
    return Response(ENCODER.encode(content), media_type="application/json")


class Query:
    """The parameters of one call, names compared without case, path parameters included.

    Raises:
        BadRequest: for a name that the operation does not have, or one given twice.
    """

    def __init__(self, request: Request, allowed: Collection[str]) -> None:
        known = {name.casefold(): name for name in allowed}
        self._values: dict[str, str] = {}
        pairs = [*request.query_params.multi_items(), *request.path_params.items()]
        for name, value in pairs:
            if name.casefold() not in known:
                raise BadRequest(name, "the operation has no such parameter")
            if known[name.casefold()] in self._values:
                raise BadRequest(name, "given twice")
            self._values[known[name.casefold()]] = value

    def text(self, name: str) -> str | None:
        """The value; None when absent or empty."""
        return self._values.get(name) or None

    def required(self, name: str) -> str:
        """The value.

        Raises:
            BadRequest: if it is absent.
        """
        value = self.text(name)
        if value is None:
            raise BadRequest(name, "required")
        return value

    def whole_number(self, name: str, default: int, largest: int | None = None) -> int:
        """A number of at least 1.

        Raises:
            BadRequest: for anything else.
        """
        value = self._values.get(name, str(default))
        if not value.isdecimal() or int(value) < 1 or (largest is not None and int(value) > largest):
            raise BadRequest(name, "not a whole number in the allowed range")
        return int(value)

    def flag(self, name: str) -> bool:
        """True or false, in any case; absent is false.

        Raises:
            BadRequest: for anything else.
        """
        value = (self._values.get(name) or "false").casefold()
        if value not in {"true", "false"}:
            raise BadRequest(name, "not a boolean")
        return value == "true"

    def names(self, name: str) -> list[str]:
        """A comma list, trimmed."""
        return [part.strip() for part in (self._values.get(name) or "").split(",") if part.strip()]

    def day(self, name: str) -> date | None:
        """A `YYYY-MM-DD` day.

        Raises:
            BadRequest: for any other form.
        """
        value = self.text(name)
        if value is None:
            return None
        try:
            day = date.fromisoformat(value)
        except ValueError as error:
            raise BadRequest(name, "not a YYYY-MM-DD date") from error
        if day.isoformat() != value:
            raise BadRequest(name, "not a YYYY-MM-DD date")
        return day

    def covers(self, moment: datetime, first: str, last: str, switches: ScanSourceSwitches) -> bool:
        """Whether the moment's day on the office's clock is inside the two day parameters."""
        start, end = self.day(first), self.day(last)
        if switches.date_filter_ignored:
            return True
        day = moment.astimezone(OFFICE).date()
        if end is not None and switches.to_date_excluded:
            end -= timedelta(days=1)
        return (start is None or day >= start) and (end is None or day <= end)


def page_answer(
    request: Request, query: Query, rows: Sequence[Row], switches: ScanSourceSwitches, largest: int | None = None
) -> tuple[list[Row], Response | None]:
    """The rows of the asked page, or the answer that says that there are none.

    The size is capped silently, as a server may. A scripted paging fault shifts or repeats a page.
    """
    size = min(query.whole_number("pageSize", DEFAULT_PAGE_SIZE, largest), switches.page_size_cap)
    start = (query.whole_number("page", 1) - 1) * size
    fault: Fault | None = request.scope.get("state", {}).get(FAULT_KEY)
    if fault is not None and fault.kind == "duplicate_page":
        start = max(0, start - size)
    elif fault is not None and fault.kind == "shifted_page":
        start = max(0, start - fault.shift)
    is_lost = fault is not None and fault.kind == "empty_page"
    chosen = [] if is_lost else list(rows[start : start + size])
    if chosen:
        return chosen, None
    empty = b"" if switches.end_of_pages == "empty_body" else b"[]"
    return [], Response(empty, media_type="application/json")
