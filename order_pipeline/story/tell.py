"""Tells the stories of the orders that a number names: the answer, the next step, the timeline, the rows behind it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime

import duckdb
from sqlalchemy import Connection

from order_pipeline.channels import registry
from order_pipeline.operations.store import system_clock
from order_pipeline.settings import Settings
from order_pipeline.story import lake_facts
from order_pipeline.story.answer import answer
from order_pipeline.story.find import MOST_ORDERS, FoundOrder, cleaned, find_orders
from order_pipeline.story.order_slice import OrderSlice
from order_pipeline.story.outbox_facts import outbox_facts, reading_operations, waiting_webhooks, webhooks_of
from order_pipeline.story.proof import reading_proofs
from order_pipeline.story.rows import Facts
from order_pipeline.story.timeline import Places, timeline
from order_pipeline.story.words import command, moment
from order_pipeline.warehouse.lake.connection import Lake

_UNREADABLE = (
    "Not picked: what the channel delivered cannot be read (see quarantine). It heals when the order arrives readable,"
    " or a person closes it."
)


@dataclass(frozen=True, slots=True)
class Told:
    """The stories behind a number, and how many orders it names; of none: what the channels are proved to have said."""

    stories: list[Facts]
    orders: int
    proofs: list[str] = field(default_factory=list[str])


def tell_stories(settings: Settings, number: str, now: datetime | None = None) -> Told:
    """The story of each order that the number names, at most `MOST_ORDERS`.

    Args:
        settings: they name the stores.
        number: any number of the order: see `find`.
        now: the time; None: this process's.

    Returns: stories with the keys order_id, source, named_by, verdict, next_steps, timeline, core, quarantine,
        pick_lines, elsewhere, without_picks, outbox, events, tasks, read_back, builds, webhooks, raw_versions,
        is_picked. Of a planned order `pick_lines` and `without_picks` are empty: `outbox` has its lines.

    Raises:
        LakeError: there is no lake yet.
        StoreBusyError: another process kept a store locked.
    """
    wanted = cleaned(number)
    with closing(Lake(settings).connect(read_only=True)) as lake, reading_operations(settings) as operations:
        lake.begin()  # one snapshot for all that is asked, and the catalog is opened once
        orders = find_orders(lake, operations, wanted) if wanted else []
        if orders:
            of_order = OrderSlice(lake)
            told = [_story(settings, lake, of_order, operations, each) for each in orders[:MOST_ORDERS]]
            return Told(told, len(orders))
        stories = _of_what_is_not_in_core(lake, operations, wanted) if wanted else []
        proofs = [] if stories else [each.in_words() for each in reading_proofs(lake, now or system_clock())]
        return Told(stories, len(stories), proofs)


def _story(
    settings: Settings,
    lake: duckdb.DuckDBPyConnection,
    of_order: OrderSlice,
    operations: Connection | None,
    order: FoundOrder,
) -> Facts:
    picks = outbox_facts(operations, order.source, order.order_id)
    of_order.fill(order.source, order.order_id)
    core, rejects = lake_facts.core_rows(lake), lake_facts.rejects_of(lake)
    of_order.run_marts(order.source, is_planned=bool(picks["outbox"]))
    rows = [*(row for table in core.values() for row in table), *rejects]
    day = next((row["order_day"] for row in [*core.get("orders", []), *rejects]), None)
    versions = lake_facts.raw_versions(lake, order.source, {row["raw_record_id"] for row in rows})
    number = next((row["order_number"] for row in core.get("orders", [])), order.order_id.rpartition(":")[2])
    # The settings of a demo's run are the fakes': there every channel is picked.
    picked = registry.NAMES if settings.demo_world_file.exists() else settings.picked_channels()
    facts: Facts = {
        "order_id": order.order_id,
        "source": order.source,
        "named_by": order.named_by,
        "is_picked": order.source in picked,
        "core": core,
        "quarantine": rejects,
        **lake_facts.marts_of(lake, is_planned=bool(picks["outbox"])),
        **picks,
        "builds": lake_facts.builds_of(lake, order.source, day),
        "webhooks": webhooks_of(operations, order.source, number, [each["fetched_at"] for each in versions]),
        "raw_versions": versions,
    }
    if len(settings.floor_settings) == 1:
        _leave_floors_out(facts)
    told = answer(facts)
    return _finished(facts, told.sentence, told.next_steps)


def _leave_floors_out(facts: Facts) -> None:
    for row in [*facts["pick_lines"], *facts["outbox"]]:
        del row["floor"]


def _finished(facts: Facts, verdict: str, next_steps: Sequence[str] = ()) -> Facts:
    """The story with its answer first; payloads are read for the timeline alone."""
    moments = [asdict(each) for each in timeline(facts, Places(facts["raw_versions"]))]
    versions = [
        {name: row[name] for name in row if name not in {"payload", "sequence"}} for row in facts["raw_versions"]
    ]
    first = {name: facts[name] for name in ("order_id", "source", "named_by")}
    answered = {"verdict": verdict, "next_steps": list(next_steps), "timeline": moments}
    return {**first, **answered, **facts, "raw_versions": versions}


def _of_what_is_not_in_core(lake: duckdb.DuckDBPyConnection, operations: Connection | None, number: str) -> list[Facts]:
    """Orders that were received but are nowhere else yet, or that unreadable bytes speak of."""
    unforeseen = lake_facts.unforeseen_of(lake, number)
    versions = lake_facts.raw_versions(lake, None, [number])
    if unforeseen:
        why = ", ".join(sorted({f"{row['rule']} on {row['field']}" for row in unforeseen}))
        said = f"Not picked: core cannot be built from it ({why}); report this message."
        return [_outside_core(unforeseen[0]["source"], said, quarantine=unforeseen, raw_versions=versions)]
    if versions:
        source = str(versions[0]["resource"]).partition("_")[0]
        said = "Received, but core has not been built from it: run the channel for that day."
        days = ("--from", str(versions[0]["partition_day"]), "--to", str(versions[0]["partition_day"]))
        return [_outside_core(source, said, command("run", "--source", source, *days), raw_versions=versions)]
    if waiting := waiting_webhooks(operations, number):
        source, since = str(waiting[0]["channel"]), moment(waiting[0]["received_at"])
        said = f"Received by webhook at {since}, and no run has landed it yet."
        return [_outside_core(source, said, command("run", "--source", source))]
    return [
        _outside_core(
            letter["source"],
            _UNREADABLE,
            command("quarantine", "close", letter["key"][:8], "--reason", "REASON"),
            quarantine=[letter],
        )
        for letter in lake_facts.dead_letters_of(lake, number)
    ]


def _outside_core(source: str, verdict: str, *next_steps: str, **known: list[Facts]) -> Facts:
    lists = (
        "quarantine",
        "pick_lines",
        "elsewhere",
        "without_picks",
        "outbox",
        "events",
        "tasks",
        "read_back",
        "builds",
        "webhooks",
    )
    rejects = [{"closed_by_hand": False, **row} for row in known.pop("quarantine", [])]
    facts = {"order_id": None, "source": source, "named_by": ["raw record"], "is_picked": True, "core": {}}
    facts |= {name: [] for name in (*lists, "raw_versions")} | known | {"quarantine": rejects}
    return _finished(facts, verdict, next_steps)
