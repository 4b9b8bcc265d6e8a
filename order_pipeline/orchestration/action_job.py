"""A channel's actions on an order as one job, for people who work in the UI: what its commands do in a terminal."""

# pyright: reportUnknownMemberType=false

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import dagster as dg
from pydantic import create_model

from order_pipeline.channels.channel import Channel
from order_pipeline.channels.operator_commands import GOOD_OUTCOMES, ActionResult, OperatorCommands, RequestError
from order_pipeline.orchestration.jobs import NO_RETRY_TAGS
from order_pipeline.orchestration.resource import PipelineResource

Action = Callable[..., Coroutine[Any, Any, ActionResult]]


def build_action_job(channel: Channel[Any], commands: OperatorCommands[Any]) -> dg.JobDefinition:
    """The job `<channel>_action_job`. Its step fails when the channel refused, or when the outcome is not known."""
    actions: dict[str, Action] = {act.__name__: act for act in commands.actions.values()}

    def act_on_order(
        context: dg.OpExecutionContext, config: dg.Config, pipeline: dg.ResourceParam[PipelineResource]
    ) -> None:
        given = config.model_dump()
        pipeline.require_stores_agree()
        pipeline.operations.create_all()
        settings = pipeline.settings.of_channel(channel.name)
        try:
            actor = commands.actor(settings, pipeline.operations, given["who"], dry_run=not given["send"])
            result = asyncio.run(chosen_action(actions, given)(actor))
        except RequestError as error:
            raise dg.Failure(f"{error} Nothing was sent.") from error
        context.log.info("%s: %s %s %s", result.outcome, result.action, result.code, result.request)
        if result.outcome not in GOOD_OUTCOMES:
            raise dg.Failure(f"{result.outcome}: {result.answer}")
        context.log.info("%s", result.answer)

    act_on_order.__annotations__["config"] = config_class(actions)

    @dg.job(
        name=f"{channel.name}_action_job",
        executor_def=dg.in_process_executor,
        tags=NO_RETRY_TAGS,
        description=f"Acts on one order at {channel.title}: {', '.join(actions)}. A dry run unless `send` is true.",
    )
    def action_job() -> None:
        dg.op(act_on_order)()

    return action_job


def config_class(actions: Mapping[str, Action]) -> type[dg.Config]:
    """The job's config: the action, who asks, and the parameters of all actions; only common ones are required."""
    fields: dict[str, Any] = {"action": (str, ...), "who": (str, ...), "send": (bool, False)}
    for name in dict.fromkeys(name for act in actions.values() for name in _parameters(act)):
        takers = [act for act in actions.values() if name in _parameters(act)]
        kind, parameter = get_type_hints(takers[0])[name], _parameters(takers[0])[name]
        kind = str if kind is Path else kind
        if parameter.default is not parameter.empty:
            fields[name] = (kind, parameter.default)
        elif len(takers) == len(actions):
            fields[name] = (kind, ...)
        else:
            fields[name] = (kind | None, None)
    return create_model("OrderAction", __base__=dg.Config, **fields)


def chosen_action(
    actions: Mapping[str, Action], given: Mapping[str, Any]
) -> Callable[[object], Coroutine[Any, Any, ActionResult]]:
    """The action that the config names, with its parameters.

    Raises:
        RequestError: there is no such action, or it lacks a parameter.
    """
    act = actions.get(given["action"])
    if act is None:
        raise RequestError(f"There is no action {given['action']!r}; there are {', '.join(actions)}.")
    kinds, values = get_type_hints(act), dict[str, Any]()
    for name, parameter in _parameters(act).items():
        values[name] = Path(given[name]) if kinds[name] is Path and given[name] is not None else given[name]
        if values[name] is None and parameter.default is parameter.empty:
            raise RequestError(f"The action {given['action']} needs `{name}`.")
    return lambda actor: act(actor, **values)


def _parameters(act: Action) -> dict[str, inspect.Parameter]:
    """The parameters behind the actor."""
    return dict(list(inspect.signature(act).parameters.items())[1:])
