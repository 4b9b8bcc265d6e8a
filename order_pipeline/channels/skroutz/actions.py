"""Acting on an order, on a person's word: accept, reject, invoice, tracking, ready (docs/apis/skroutz.md 3).

There is no undo and no idempotency key. So: switched off unless `actions_enabled`; a dry run unless told otherwise; the
intent is durable before the request, which is sent once; after an unclear answer the order is read, and only if that
does not tell, the action is `in_doubt` for a person. Choices come from the order as it is now, never from the lake.
The signatures are the options of the commands and of the job.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer

from order_pipeline.channels.operator_commands import ActionResult, Outcome, RequestError
from order_pipeline.channels.skroutz.action_log import close_action, open_action
from order_pipeline.channels.skroutz.choices import (
    COURIERS,
    LineRejection,
    Shipment,
    choose_acceptance,
    choose_rejection,
    choose_tracking,
    shows_all,
)
from order_pipeline.channels.skroutz.client import open_transport, order_path, read_order
from order_pipeline.channels.skroutz.invoice_file import InvoiceFile, read_invoice_file
from order_pipeline.channels.skroutz.settings import SkroutzSettings
from order_pipeline.http.errors import (
    UNREADABLE_JSON,
    ApiError,
    NotSent,
    OutcomeUnknown,
    PermanentError,
    TransientError,
)
from order_pipeline.http.reply import Reply
from order_pipeline.http.transport import Transport
from order_pipeline.operations.store import OperationsStore

Order = dict[str, Any]

Code = Annotated[str, typer.Argument(help="The order's code at Skroutz.")]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and whether for real.

    Args:
        settings: the shop; `actions_enabled` must be true for anything but a dry run.
        store: where each action is recorded, tables created.
        asked_by: the person.
        dry_run: read, check and record, but send nothing.
    """

    settings: SkroutzSettings
    store: OperationsStore
    asked_by: str
    dry_run: bool = True

    def __post_init__(self) -> None:
        if not self.dry_run and not self.settings.actions_enabled:
            raise RequestError(
                "Acting on Skroutz orders is switched off: set ORDER_PIPELINE_SKROUTZ__ACTIONS_ENABLED=true, "
                "or ask for a dry run."
            )
        if not self.asked_by.strip():
            raise RequestError("An action needs the name of the person who asks for it.")


@dataclass(frozen=True, slots=True)
class _Plan:
    """An action ready to be sent; `is_done` tells from a later reading whether it took effect."""

    action: str
    path: str
    request: dict[str, Any]
    is_done: Callable[[Order], bool]
    file: InvoiceFile | None = None


async def accept(
    actor: Actor,
    code: Code,
    location: Annotated[str | None, typer.Option(help="Id of a pickup location; leave it out to see them.")] = None,
    window: Annotated[int | None, typer.Option(help="Id of a pickup window.")] = None,
    parcels: Annotated[int, typer.Option(min=1, help="Number of parcels.")] = 1,
) -> ActionResult:
    """Accept an open order, with a pickup location and window out of what Skroutz offers at this moment.

    A location or window may be left out where there is only one; a store pickup has no window.

    Raises:
        RequestError: not open, express, or not among the options, which the text lists. Nothing was sent.
        ApiError: the order could not be read.
    """

    def plan(order: Order) -> _Plan:
        request = choose_acceptance(order, location, window, parcels)
        return _Plan("accept", order_path(code, "accept"), request, lambda now: now.get("state") == "accepted")

    return await _act(actor, code, plan)


async def reject(
    actor: Actor,
    code: Code,
    lines: Annotated[
        list[str] | None,
        typer.Option("--line", help="LINE:REASON or LINE:REASON:AVAILABLE, by the ids of the order; repeat it."),
    ] = None,
    other_reason: Annotated[
        str | None, typer.Option("--other", help="A text for the whole order, instead of lines.")
    ] = None,
) -> ActionResult:
    """Reject an open order, by lines with reasons or whole with a text. There is no undo.

    Any rejection ends the whole order.

    Raises:
        RequestError: not open, both or neither of the two forms, an unknown line or reason, no quantity where
            the reason wants one. Nothing was sent.
        ApiError: the order could not be read.
    """
    rejections = [LineRejection.from_text(line) for line in lines or []]

    def plan(order: Order) -> _Plan:
        request = choose_rejection(order, rejections, other_reason)
        return _Plan("reject", order_path(code, "reject"), request, lambda now: now.get("state") == "rejected")

    return await _act(actor, code, plan)


async def upload_invoice(
    actor: Actor,
    code: Code,
    file: Annotated[Path, typer.Argument(help="A pdf, png or jpg of at most 7,000,000 bytes.")],
) -> ActionResult:
    """Upload the receipt or invoice of an order; it replaces an earlier file.

    Raises:
        RequestError: not a pdf, png or jpg of at most 7,000,000 bytes. Nothing was sent.
        ApiError: the order could not be read.
    """
    invoice = read_invoice_file(file)
    digest = hashlib.sha256(invoice.content).hexdigest()
    request = {
        "file": invoice.name,
        "bytes": len(invoice.content),
        "sha256": digest,
        "content_type": invoice.content_type,
    }

    def plan(order: Order) -> _Plan:
        had_one = order.get("uploaded_invoice_file") is not None
        # Where a file was there before, a later reading cannot tell which of the two it shows.
        return _Plan(
            "upload_invoice",
            order_path(code, "invoices"),
            {**request, "replaces_a_file": had_one},
            lambda now: not had_one and now.get("uploaded_invoice_file") is not None,
            invoice,
        )

    return await _act(actor, code, plan)


async def give_tracking(
    actor: Actor,
    code: Code,
    shipments: Annotated[
        list[str],
        typer.Option("--shipment", help=f"COURIER:TRACKING_CODE, COURIER one of {', '.join(COURIERS)}; repeat it."),
    ],
) -> ActionResult:
    """Tell Skroutz the tracking codes of an order that the shop ships itself (FBM), one for each shipment.

    What a repeated call does is not documented, so a code that the order shows already is not sent. Not for returns.

    Raises:
        RequestError: an unknown courier, no code, a code that the order has already, or Skroutz ships the order.
            Nothing was sent.
        ApiError: the order could not be read.
    """
    given = [Shipment.from_text(text) for text in shipments]

    def plan(order: Order) -> _Plan:
        request = choose_tracking(order, given)
        return _Plan("give_tracking", order_path(code, "tracking_details"), request, lambda now: shows_all(now, given))

    return await _act(actor, code, plan)


async def set_as_ready(actor: Actor, code: Code) -> ActionResult:
    """Mark an accepted order's parcel as ready for the courier.

    Skroutz takes it for its own courier (Last Mile) only, and once.

    Raises:
        ApiError: the order could not be read.
    """

    def plan(order: Order) -> _Plan:
        del order
        path = order_path(code, "set_as_ready")
        return _Plan("set_as_ready", path, {}, lambda now: now.get("is_ready_for_dispatch") is True)

    return await _act(actor, code, plan)


async def _act(actor: Actor, code: str, make_plan: Callable[[Order], _Plan]) -> ActionResult:
    async with open_transport(actor.settings) as transport:
        plan = make_plan(await _current_order(transport, code))
        action_id = open_action(
            actor.store,
            account=actor.settings.account,
            code=code,
            action=plan.action,
            request=msgspec.json.encode(plan.request).decode(),
            asked_by=actor.asked_by,
        )
        if actor.dry_run:
            outcome, answer = "dry_run", "Nothing was sent."
        else:
            outcome, answer = await _send(transport, code, plan)
        close_action(actor.store, action_id, outcome, answer)
        return ActionResult(action_id, plan.action, code, outcome, plan.request, answer)


async def _send(transport: Transport, code: str, plan: _Plan) -> tuple[Outcome, str]:
    try:
        reply = await _post(transport, plan)
    except OutcomeUnknown as error:
        said = f"No clear answer ({error.reason})."
        return await _outcome_from_order(transport, code, plan, ("done", "in_doubt"), said)
    except NotSent as error:
        return "not_sent", f"{error.reason}. Nothing reached Skroutz; try again."
    except (PermanentError, TransientError) as error:
        # 422 is also the answer to a repeated action: the order tells whether it is done.
        return await _outcome_from_order(transport, code, plan, ("already_done", "refused"), refusal_text(error))
    return "done", reply.excerpt()


async def _post(transport: Transport, plan: _Plan) -> Reply:
    if plan.file is not None:
        parts = {"invoice_file": (plan.file.name, plan.file.content, plan.file.content_type)}
        return await transport.request("POST", plan.path, files=parts)
    return await transport.request("POST", plan.path, json=plan.request or None)


async def _outcome_from_order(
    transport: Transport, code: str, plan: _Plan, outcomes: tuple[Outcome, Outcome], said: str
) -> tuple[Outcome, str]:
    """Read the order to learn whether the action took effect: the first outcome if so, else the second."""
    try:
        order = await _current_order(transport, code)
    except (ApiError, RequestError) as error:
        return outcomes[1], f"{said} The order could not be read afterwards: {error}"
    state = f"The order is {order.get('state')!r} now."
    return (outcomes[0] if plan.is_done(order) else outcomes[1]), f"{said} {state}"


async def _current_order(transport: Transport, code: str) -> Order:
    found = await read_order(transport, code)
    if found.content is None:
        raise RequestError(f"Skroutz knows no order {code}. Compare the code with the merchant panel.")
    try:
        order = msgspec.json.decode(found.content, type=dict[str, Any]).get("order")
    except UNREADABLE_JSON as error:
        raise RequestError(f"Skroutz's answer about {code} cannot be read ({type(error).__name__}).") from None
    if not isinstance(order, dict) or cast("Order", order).get("code") != code:
        raise RequestError(f"Skroutz answered with another order than {code}; nothing was done.")
    return cast("Order", order)


def refusal_text(error: ApiError) -> str:
    """The messages of an error body, for the person; the general reason where the body is not the documented one."""
    try:
        body = msgspec.json.decode(error.content, type=_ErrorBody)
    except UNREADABLE_JSON:
        return f"{error.reason}. {error.excerpt}".strip()
    return "; ".join(f"{part.code}: {' '.join(part.messages)}" for part in body.errors) + f" (status {error.status})."


class _ErrorPart(msgspec.Struct):
    code: str
    messages: list[str] = []


class _ErrorBody(msgspec.Struct):
    errors: list[_ErrorPart]
