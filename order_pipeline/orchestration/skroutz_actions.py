"""Acting on a Skroutz order as a job, for people who work in the UI: what `order-pipeline skroutz ...` does.

Belongs here: the job's config and what it shows. Does not belong here: what an action
does (`channels.skroutz.actions`).
"""

# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import dagster as dg

from order_pipeline.channels.skroutz import actions
from order_pipeline.channels.skroutz.choices import ActionNotPossibleError, LineRejection
from order_pipeline.orchestration.jobs import NO_RETRY_TAGS
from order_pipeline.orchestration.resource import PipelineResource

ACTION_JOB = "skroutz_action_job"


class OrderAction(dg.Config):
    """What to do to which order. `action`: accept, reject, upload_invoice or set_as_ready.

    accept takes `location`, `window`, `parcels`; reject takes `lines` (each LINE:REASON or LINE:REASON:AVAILABLE) or
    `other_reason`; upload_invoice takes `file`. Without `send` nothing is sent.
    """

    code: str
    action: str
    who: str
    send: bool = False
    location: str | None = None
    window: int | None = None
    parcels: int = 1
    lines: list[str] = []  # noqa: RUF012 - Dagster copies it for each config
    other_reason: str | None = None
    file: str | None = None


@dg.op
def act_on_order(
    context: dg.OpExecutionContext, config: OrderAction, pipeline: dg.ResourceParam[PipelineResource]
) -> None:
    """Act, and show what Skroutz said; fails when it refused, or when it is not known whether it took effect."""
    pipeline.operations.create_all()
    try:
        actor = actions.Actor(pipeline.settings.skroutz, pipeline.operations, config.who, dry_run=not config.send)
        result = asyncio.run(_chosen(actor, config))
    except (actions.ActionsDisabledError, ActionNotPossibleError) as error:
        raise dg.Failure(f"{error} Nothing was sent.") from error
    context.log.info("%s: %s %s %s", result.outcome, result.action, result.code, result.request)
    if result.outcome not in {"done", "already_done", "dry_run"}:
        raise dg.Failure(f"{result.outcome}: {result.answer}")
    context.log.info("%s", result.answer)


@dg.job(
    name=ACTION_JOB,
    executor_def=dg.in_process_executor,
    tags=NO_RETRY_TAGS,
    description="Accepts, rejects, uploads an invoice or marks ready, at Skroutz. A dry run unless `send` is true.",
)
def skroutz_action_job() -> None:
    """One step."""
    act_on_order()


def _chosen(actor: actions.Actor, config: OrderAction) -> Coroutine[Any, Any, actions.ActionResult]:
    if config.action == "accept":
        return actions.accept(
            actor, config.code, location=config.location, window=config.window, parcels=config.parcels
        )
    if config.action == "reject":
        return actions.reject(
            actor,
            config.code,
            lines=[LineRejection.from_text(line) for line in config.lines],
            other_reason=config.other_reason,
        )
    if config.action == "upload_invoice" and config.file:
        return actions.upload_invoice(actor, config.code, Path(config.file))
    if config.action == "set_as_ready":
        return actions.set_as_ready(actor, config.code)
    raise ActionNotPossibleError(f"There is no action {config.action!r} with this config.")
