"""The three ScanOrders workflows: which parameters they take, what they refuse and what they answer.

Refusals follow the shapes observed on this kind of host (docs/apis/scanorders.md section 9): MISSING_DATA names the
exact parameter, INVALID the wanted type.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec

from order_pipeline.sandbox.scanorders.store import STATUS_NUMBERS, Branch

Kind = Literal["text", "number", "date", "status", "id"]


@dataclass(frozen=True, slots=True)
class ScanOrdersSwitches:
    """What the vendor's page leaves open, and what a test wants to see go wrong. Defaults are the strict readings.

    spelling: `lenient` takes OrderId/OrderID and Status/status; `sample` only OrderID and status; `table` only OrderId
        and Status.
    fulfilment_id: whether the text answered by a create equals the OrderID (`same`) or not (`different`).
    empty_text: an empty required text is `missing` (MISSING_DATA) or `accepted`.
    unknown_id: reading an id that does not exist gives 400 INVALID, 200 with an empty payload, or 500.
    order_date: `iso` takes YYYY-MM-DD only, `any` every text.
    group_lines: whether lines with one order number share one OrderID.
    not_run: every workflow answers NOT_RUN. user_known: False answers 403 to every token.
    echo_state: whether `authorize` hands `state` back, as RFC 6749 section 4.1.2 obliges it to.
    account: who logs in with the next code.
    requests_per_second: above it 429, with `retry_after` as header when set.
    """

    envelope: Literal["documented", "bubble", "bare"] = "documented"
    spelling: Literal["lenient", "sample", "table"] = "lenient"
    fulfilment_id: Literal["same", "different"] = "same"
    empty_text: Literal["missing", "accepted"] = "missing"
    unknown_parameters: Literal["refuse", "ignore"] = "refuse"
    unknown_id: Literal["invalid", "empty", "error"] = "invalid"
    order_date: Literal["iso", "any"] = "iso"
    group_lines: bool = False
    not_run: bool = False
    user_known: bool = True
    echo_state: bool = True
    token_life_seconds: float = 31_536_000.0
    account: Literal["main", "north"] = "main"
    requests_per_second: int | None = None
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One documented parameter; `spellings` are (sample, table)."""

    spellings: tuple[str, str]
    kind: Kind
    required: bool = True

    def names(self, spelling: str) -> tuple[str, ...]:
        """The spellings that are taken; the first is the one an error names."""
        if spelling == "lenient":
            return self.spellings
        return (self.spellings[0 if spelling == "sample" else 1],)


def _same(name: str, kind: Kind, *, required: bool = True) -> Parameter:
    return Parameter((name, name), kind, required)


ORDER_ID = Parameter(("OrderID", "OrderId"), "id")
PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "orders": (ORDER_ID,),
    "neworders": (
        _same("barcode", "text"),
        _same("ordernumber", "text"),
        _same("orderdate", "date"),
        _same("productname", "text", required=False),
        _same("qtytopick", "number"),
        _same("customername", "text"),
        _same("shippingaddress", "text", required=False),
        _same("mktid", "text", required=False),
        _same("binloc", "text"),
    ),
    "updateorder": (Parameter(("status", "Status"), "status"), ORDER_ID),
}


class RefusalError(Exception):
    """A request that is not carried out, with the status and the body that say so."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def refusal(code: int, status: str, message: str) -> RefusalError:
    """A refusal in the observed shape."""
    return RefusalError(code, {"statusCode": code, "body": {"status": status, "message": message}})


def parse_body(content_type: str, body: bytes) -> dict[str, Any]:
    """The parameters of a JSON or urlencoded body; nothing at all is an empty set of parameters.

    Raises:
        RefusalError: 400, when it cannot be parsed or is neither of the two.
    """
    if not body:
        return {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if kind != "application/json":
        raise refusal(400, "INVALID_BODY", f"content type {kind or 'missing'} is neither JSON nor urlencoded")
    try:
        values = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise refusal(400, "INVALID_BODY", f"the body could not be parsed into an Order: {error}") from error
    if not isinstance(values, dict):
        raise refusal(400, "INVALID_BODY", "the body could not be parsed into an Order: it is no object")
    return values


def read_parameters(workflow: str, sent: Mapping[str, Any], switches: ScanOrdersSwitches) -> dict[str, Any]:
    """The documented parameters by their sample spelling, values as sent.

    Raises:
        RefusalError: 400 for the first parameter that is missing, of the wrong type, or not known to the workflow.
    """
    values: dict[str, Any] = {}
    used: set[str] = set()
    for parameter in PARAMETERS[workflow]:
        names = parameter.names(switches.spelling)
        name = next((spelling for spelling in names if sent.get(spelling) is not None), None)
        if name is None or (sent[name] == "" and parameter.required and switches.empty_text == "missing"):
            if parameter.required:
                message = f"Missing parameter for workflow {workflow}: parameter {names[0]}"
                raise refusal(400, "MISSING_DATA", message)
            continue
        used.add(name)
        _check_value(workflow, name, parameter, sent[name], switches)
        values[parameter.spellings[0]] = sent[name]
    unknown = sorted(set(sent) - used - {name for name in sent if sent[name] is None})
    if unknown and switches.unknown_parameters == "refuse":
        raise refusal(400, "INVALID", f"Workflow {workflow} has no parameter {unknown[0]}")
    return values


def _check_value(workflow: str, name: str, parameter: Parameter, value: object, switches: ScanOrdersSwitches) -> None:
    kind = parameter.kind
    if kind in ("number", "id"):
        good = is_number(value)
    elif not isinstance(value, str):
        good = False
    elif kind == "status":
        good = value in STATUS_NUMBERS
    elif kind == "date" and switches.order_date == "iso" and value:
        good = is_iso_day(value)
    else:
        good = True
    if not good:
        wanted = {"status": f"one of {', '.join(STATUS_NUMBERS)}", "date": "a date text YYYY-MM-DD"}.get(kind, kind)
        raise refusal(400, "INVALID", f"Invalid value for workflow {workflow}: parameter {name} must be {wanted}")


def is_number(value: object) -> bool:
    """A finite JSON number, or a text that is one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def is_iso_day(text: str) -> bool:
    """Whether the text is a day as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def run_workflow(
    workflow: str, sent: Mapping[str, Any], body: bytes, branch: Branch, switches: ScanOrdersSwitches
) -> dict[str, Any]:
    """Carry one workflow out and return its payload, without an envelope.

    Raises:
        RefusalError: when nothing was done.
    """
    values = read_parameters(workflow, sent, switches)
    if workflow == "neworders":
        same = switches.fulfilment_id == "same"
        created = branch.create(values, body, same_id=same, group_lines=switches.group_lines)
        return {"fulfilmentid": created.fulfilment_id}
    order_id = int(float(values["OrderID"]))
    if workflow == "updateorder":
        if not branch.set_status(order_id, values["status"]):
            raise refusal(400, "INVALID", f"Invalid value for workflow {workflow}: no object with id {order_id}")
        return {"OrderID": str(order_id)}
    found = branch.find(order_id)
    if found is not None:
        return found.reading()
    if switches.unknown_id == "empty":
        return {}
    if switches.unknown_id == "error":
        raise refusal(500, "ERROR", "Workflow error")
    raise refusal(400, "INVALID", f"Invalid value for workflow {workflow}: no object with id {order_id}")


def envelope(payload: dict[str, Any], form: str) -> dict[str, Any]:
    """The payload in the form that the switch asks for."""
    if form == "documented":
        return {"status": "Success", "data": payload}
    if form == "bubble":
        return {"status": "success", "response": payload}
    return payload
