"""Good records and damaged ones together on the whole road: over HTTP, or through the receiver, into core.

`Battery` is what a channel answers and says; `run_battery` takes it all the way and tells what became of each record.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpx

from order_pipeline.channels.base import Extraction, FetchReport, Window, content_hash
from order_pipeline.channels.kibo.extraction import build_extraction as kibo_extraction
from order_pipeline.channels.scansource.extraction import build_extraction as scansource_extraction
from order_pipeline.channels.skroutz.inbox_extraction import InboxExtraction
from order_pipeline.channels.skroutz.reread import RereadExtraction
from order_pipeline.operations.store import OperationsStore
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.build import build_core
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline_tests.http.scripted_server import Answer, ScriptedServer
from order_pipeline_tests.robustness.byte_servers import Api, KiboBytes, ScanSourceBytes, SkroutzBytes
from order_pipeline_tests.warehouse.poisoned_records import DAY, as_json, project, skroutz_event
from order_pipeline_tests.warehouse.test_mutants import ORDERS, damages, mutant, records_of
from order_pipeline_tests.webhooks.conftest import run_receiver

FIRST_GOOD, FIRST_MUTANT = 2_000_001, 7_000_001
"""Numbers of which none is part of another: a record is found by its number wherever it went."""

WINDOW = Window(DAY, DAY + timedelta(days=1))
NEXT = Window(WINDOW.end, WINDOW.end + timedelta(days=1))
"""A day without orders: those of the day before are read again by their ids."""

NOT_COMPARED = {"raw_sha256", "run_id", "fetched_at", "loaded_at", "first_seen_at", "observed_at"}
REFUSALS = (400, 403, 404, 410, 422, 302)
UNREADABLE = (b"<html>no</html>", b"", b'{"a":', b"null", b'{"a": "\xe9"}', b"[" * 3000 + b"]" * 3000)


@dataclass(slots=True)
class Fate:
    """What became of a battery.

    Attributes:
        good_missing: numbers of good orders that are not in core.
        good_rejected: numbers of good orders with an open reject, but for those whose own call is refused.
        as_sent: numbers of mutants that are in core with another value than a good one, each with its damage.
        unaccounted: numbers of mutants that are neither in core nor in quarantine, each with its damage.
        counts: of mutants: `quarantined`; `warned`; `equal` in core to a good one; in core `as sent`, another value.
        rules: rejects of mutants by rule.
        reports: every fetch report.
    """

    good_missing: list[int] = field(default_factory=list[int])
    good_rejected: list[int] = field(default_factory=list[int])
    as_sent: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    unaccounted: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    counts: Counter[str] = field(default_factory=Counter[str])
    rules: Counter[str] = field(default_factory=Counter[str])
    reports: list[FetchReport] = field(default_factory=list[FetchReport])


@dataclass(slots=True)
class Battery:
    """One channel's good numbers, its mutants, and the API that serves them.

    Attributes:
        channel: its name.
        good: numbers of whole orders.
        mutants: number and what is wrong with it.
        api: what the channel is read from.
        posted: bodies for the receiver.
        second_window: what the second run asks for.
        damaged: the bytes of each mutant.
    """

    channel: str
    good: Sequence[int]
    mutants: Mapping[int, str]
    api: Api
    posted: Sequence[bytes] = ()
    damaged: Mapping[int, Sequence[bytes]] = field(default_factory=dict[int, Sequence[bytes]])
    second_window: Window = WINDOW


def battery_of(channel: str, good: int, mutants: int, seed: int = 21) -> Battery:
    """A battery: this many good orders, and this many that are damaged anywhere; refused and unreadable ones beside."""
    draw = random.Random(seed)
    chosen = draw.sample(damages(channel), mutants)
    goods = range(FIRST_GOOD, FIRST_GOOD + good)
    bads = {FIRST_MUTANT + place: str(damage[1:]) + damage[0] for place, damage in enumerate(chosen)}
    damaged = {number: mutant(channel, number, damage) for number, damage in zip(bads, chosen, strict=True)}
    make = {"kibo": _kibo, "skroutz": _skroutz, "scansource": _scansource}[channel]
    battery = make(goods, bads, damaged, draw)
    battery.damaged = {number: [record.payload for record in records] for number, records in damaged.items()}
    return battery


def _shuffled(draw: random.Random, payloads: Sequence[Any]) -> list[Any]:
    return draw.sample(payloads, len(payloads))


def _kibo(goods: Sequence[int], bads: dict[int, str], damaged: Mapping[int, Any], draw: random.Random) -> Battery:
    whole = [(str(number), records_of("kibo", number)[0].payload) for number in goods]
    broken = [(str(number), records[0].payload) for number, records in damaged.items()]
    refused = frozenset(str(number) for number in draw.sample(list(goods), min(5, len(goods))))
    return Battery("kibo", goods, bads, KiboBytes(dict(_shuffled(draw, whole + broken)), refused), second_window=NEXT)


def _skroutz(goods: Sequence[int], bads: dict[int, str], damaged: Mapping[int, Any], draw: random.Random) -> Battery:
    """Mutants are posted; every second one is posted whole, and is read as a mutant. Some reads are refused."""
    events = {number: records_of("skroutz", number)[0].payload for number in goods}
    reads: dict[str, bytes | Answer] = {
        f"C{number}": as_json({"order": skroutz_event(f"C{number}")["order"]}) for number in goods
    }
    for place, (number, records) in enumerate(damaged.items()):
        if place % 2:
            events[number] = records_of("skroutz", number)[0].payload
            reads[f"C{number}"] = records[0].payload
        else:
            events[number] = records[0].payload
    others = [number for number, _ in enumerate(bads, FIRST_MUTANT)][1::20]
    for place, number in enumerate(others):
        reads[f"C{number}"] = _trouble(place)
    return Battery("skroutz", goods, bads, SkroutzBytes(reads), _shuffled(draw, list(events.values())))


def _scansource(goods: Sequence[int], bads: dict[int, str], damaged: Mapping[int, Any], draw: random.Random) -> Battery:
    """Every order has shipped, so that tracking and serials are asked for. Calls of some are refused or unreadable."""
    operations = {"order_details": "detail", "order_tracking": "tracking", "order_serials": "serials"}
    rows: list[bytes] = []
    answers: dict[tuple[str, str], bytes | Answer] = {}
    for number in [*goods, *bads]:
        records = damaged[number] if number in damaged else records_of("scansource", number)
        for record in records:
            if record.resource == "order_rows":
                known_by = f'{{"PONumber":"PO{number}",'.encode()
                rows.append(known_by + record.payload[1:].replace(b'"Shipped":0', b'"Shipped":2', 1))
            else:
                answers[operations[record.resource], str(number)] = record.payload
    for place, number in enumerate(list(bads)[::10]):
        bads[number] += " and a call that fails"
        answers[list(operations.values())[place % 3], str(number)] = _trouble(place)
    return Battery("scansource", goods, bads, ScanSourceBytes(_shuffled(draw, rows), answers))


def _trouble(place: int) -> Answer:
    if place % 2:
        return Answer(status=REFUSALS[place // 2 % len(REFUSALS)], body=b'{"Message": "no"}')
    return Answer(body=UNREADABLE[place // 2 % len(UNREADABLE)])


def run_battery(battery: Battery, settings: Settings) -> Fate:
    """Take the battery to core, twice, so that orders are read again too; nothing may raise.

    Raises:
        Exception: a run failed, which is what a record must never bring about.
    """
    lake = Lake(settings)
    migrate(lake)
    fate = Fate()
    try:
        if battery.posted:
            _post(battery, settings)
        for run, window in (("run-1", WINDOW), ("run-2", battery.second_window)):
            fate.reports += asyncio.run(_read(battery, lake, settings, run, window))
            build_core(lake, battery.channel, WINDOW.days, run, project=project())
        _judge(battery, lake, fate)
    finally:
        lake.close()
    return fate


def _answer(post: Callable[[bytes], httpx.Response], body: bytes) -> int:
    """The answer to an event, which is sent again while it is 503 as the channel does: a busy store is no fault."""
    for _ in range(5):
        if (status := post(body).status_code) != HTTPStatus.SERVICE_UNAVAILABLE:
            return status
    return HTTPStatus.SERVICE_UNAVAILABLE


def _post(battery: Battery, settings: Settings) -> None:
    store = OperationsStore(settings.resolved_operations_url)
    with run_receiver(store) as receiver:
        answers = Counter(_answer(receiver.post, body) for body in battery.posted)
    assert answers.keys() <= {200, 400}, answers
    store.close()


async def _read(battery: Battery, lake: Lake, settings: Settings, run: str, window: Window) -> list[FetchReport]:
    reports: list[FetchReport] = []
    async with ScriptedServer(battery.api) as server:
        for extraction, committed in _readings(battery, server.url, settings):
            known = WarehouseState(lake, battery.channel)
            result = await ingest(lake, battery.channel, extraction, window, known, run)
            committed(run)
            reports += result.reports
    return reports


def _readings(battery: Battery, url: str, settings: Settings) -> Sequence[tuple[Extraction, Callable[[str], object]]]:
    api = battery.api
    if isinstance(api, KiboBytes):
        return [(kibo_extraction(api.settings(url)), lambda _run: None)]
    if isinstance(api, ScanSourceBytes):
        return [(scansource_extraction(api.settings(url)), lambda _run: None)]
    inbox = InboxExtraction(OperationsStore(settings.resolved_operations_url), take_all=True)
    return [(inbox, inbox.confirm), (RereadExtraction(api.settings(url)), lambda _run: None)]


def _judge(battery: Battery, lake: Lake, fate: Fate) -> None:
    name = ORDERS[battery.channel][1]
    in_core = {record_id for (record_id,) in lake.query("SELECT raw_record_id FROM core.orders").rows}
    open_rejects = lake.query("SELECT raw_record_id, raw_sha256, rule FROM quarantine.rejects").rows
    rejected = {record_id for record_id, _, _ in open_rejects} | {content for _, content, _ in open_rejects}
    warned = {key for (sample,) in lake.query("SELECT sample FROM quarantine.warnings").rows for key in sample}
    fate.good_missing = [number for number in battery.good if name(number) not in in_core]
    refused = battery.api.refused if isinstance(battery.api, KiboBytes) else frozenset[str]()
    fate.good_rejected = [number for number in battery.good if name(number) in rejected - refused]
    places = _places(battery, lake)
    core_rows = _core_rows(battery, lake)
    for number, damage in battery.mutants.items():
        ids = places.get(number, set()) | {name(number)} | {content_hash(bytes_) for bytes_ in battery.damaged[number]}
        if ids & rejected:
            fate.counts["quarantined"] += 1
            fate.rules.update({rule for record_id, content, rule in open_rejects if {record_id, content} & ids})
        elif ids & in_core:
            has_warning = any(str(number) in key for key in warned)
            is_equal = core_rows.get(str(number)) == core_rows[str(battery.good[0])]
            fate.counts["warned" if has_warning else "equal" if is_equal else "as sent"] += 1
            if not has_warning and not is_equal:
                fate.as_sent.append((number, damage))
        else:
            fate.unaccounted.append((number, damage))


def _core_rows(battery: Battery, lake: Lake) -> dict[str, Counter[str]]:
    """What core holds of each order by number, with the number taken out, so that two orders can be compared."""
    tables = lake.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'core'").rows
    found: dict[str, Counter[str]] = {}
    for (table,) in tables:
        answer = lake.query(f"SELECT * FROM core.{table}")
        if "raw_record_id" not in answer.columns:
            continue
        told = [place for place, column in enumerate(answer.columns) if column not in NOT_COMPARED]
        record = answer.columns.index("raw_record_id")
        for row in answer.rows:
            number = "".join(filter(str.isdigit, str(row[record]).rpartition(":")[2]))
            content = "|".join(str(row[place]) for place in told).replace(number, "N")
            found.setdefault(number, Counter())[f"{table} {content}"] += 1
    return found


def _places(battery: Battery, lake: Lake) -> dict[int, set[str]]:
    """Where a mutant's number stands in what was received: ids of records, and hashes of dead letters."""
    tables = lake.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'raw'").rows
    received = [
        row
        for (table,) in tables
        if table.startswith(f"{battery.channel}_") and not table.endswith("_current")
        for row in lake.query(f"SELECT record_id, payload FROM raw.{table}").rows
    ]
    received += lake.query("SELECT content_sha256, payload FROM raw.dead_letters").rows
    numbers = {str(number).encode(): number for number in battery.mutants}
    places: dict[int, set[str]] = {}
    for record_id, payload in received:
        for digits in _numbers_in(payload.encode() if isinstance(payload, str) else bytes(payload)):
            if digits in numbers:
                places.setdefault(numbers[digits], set()).add(record_id)
    return places


def _numbers_in(payload: bytes) -> set[bytes]:
    length = len(str(FIRST_MUTANT))
    start = payload.find(b"700")
    found: set[bytes] = set()
    while start >= 0:
        found.add(payload[start : start + length])
        start = payload.find(b"700", start + 1)
    return found
