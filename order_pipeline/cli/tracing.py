"""Everything that the lake and the operations store know about one order: what `trace` prints.

Personal columns of core are left out and payloads are not shown, because this goes to terminals and tickets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import duckdb

from order_pipeline.channels import registry
from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake

Facts = dict[str, Any]

# An order is known to core, to quarantine only (its row was rejected), or to raw only (not built yet).
FIND_ORDERS = """
SELECT DISTINCT source, order_id FROM core.orders
WHERE order_id = $order OR order_number = $order OR external_reference = $order
UNION
SELECT DISTINCT source, order_id FROM quarantine.rejects
WHERE order_id = $order OR split_part(order_id, ':', 3) = $order
UNION
SELECT DISTINCT source, order_id FROM ops.pick_outbox WHERE order_id = $order OR order_number = $order
ORDER BY ALL
"""
REJECTS = """
SELECT table_name, key, rule, field, value, raw_record_id, first_seen_at, last_seen_at, resolved_at
FROM quarantine.rejects WHERE source = $source AND order_id = $order_id ORDER BY last_seen_at
"""
# Bytes that could not be read, and whose record or whose text is the order's. There are few of them.
DEAD_LETTERS = """
SELECT rejects.source, table_name, key, rejects.rule, rejects.field, rejects.value, raw_record_id, first_seen_at,
    last_seen_at, resolved_at
FROM quarantine.rejects AS rejects
INNER JOIN raw.dead_letters AS letters ON letters.source = rejects.source AND letters.content_sha256 = rejects.key
    AND rejects.table_name = 'raw.' || letters.source || '_' || letters.resource
WHERE letters.record_id = $order OR ends_with(letters.record_id, ':' || $order)
    OR contains(hex(letters.payload), hex($order))
ORDER BY first_seen_at
"""
# Records that made a build fail and were set aside: nobody read an order's id out of them.
UNFORESEEN = """
SELECT source, table_name, key, rule, field, value, raw_record_id, first_seen_at, last_seen_at, resolved_at
FROM quarantine.rejects
WHERE rule = 'unforeseen' AND resolved_at IS NULL
    AND (raw_record_id = $order OR ends_with(raw_record_id, ':' || $order))
"""
_UNREADABLE = (
    "not picked: what the channel delivered cannot be read (see quarantine). It heals when the order arrives readable;"
    " `order-pipeline quarantine close` closes it by hand"
)
PICK_LINES = """
SELECT pick_id, floor, sku, barcode, bin_location, quantity, hold_reason, hold_detail
FROM marts.pick_lines WHERE source = $source AND order_id = $order_id ORDER BY pick_id
"""
ELSEWHERE = """
SELECT location, count(*) AS lines FROM marts.picks_elsewhere
WHERE source = $source AND order_id = $order_id GROUP BY location ORDER BY location
"""
WITHOUT_PICKS = """
SELECT reason, detail FROM marts.orders_without_picks WHERE source = $source AND order_id = $order_id
"""
OUTBOX = """
SELECT pick_id, floor, state, reason, detail, attempt, http_status, fulfilment_id, snapshot_id, planned_at, sent_at,
    updated_at
FROM ops.pick_outbox WHERE source = $source AND order_id = $order_id ORDER BY pick_id
"""
EVENTS = """
SELECT events.pick_id, events.at, from_state, to_state, events.reason, events.detail, actor, events.run_id,
    events.http_status
FROM ops.pick_events AS events
JOIN ops.pick_outbox AS outbox USING (pick_id)
WHERE outbox.source = $source AND outbox.order_id = $order_id ORDER BY event_id
"""


def trace_order(settings: Settings, order: str) -> list[Facts]:
    """One entry for each order that `order` names (its id, its number, or the other party's number); often just one.

    Keys of an entry: order_id, source, verdict, core, quarantine, pick_lines, elsewhere, without_picks, outbox,
    events, raw_versions, is_picked (whether the channel's orders reach the floor).

    Raises:
        LakeError: there is no lake yet.
    """
    with closing(Lake(settings).connect(read_only=True, operations=True)) as connection:
        found = _rows(connection, FIND_ORDERS, order=order)
        entries = [_trace(connection, each["source"], each["order_id"], order) for each in found]
        # The settings of a demo's run are the fakes': there every channel is picked.
        picked = registry.NAMES if settings.demo_world_file.exists() else settings.picked_channels()
        for entry in entries:
            entry["is_picked"] = entry["source"] in picked
            if len(settings.floor_settings) == 1:
                _leave_floors_out(entry)
            entry["verdict"] = verdict(entry)
        return entries or _raw_only(connection, order)


def _leave_floors_out(entry: Facts) -> None:
    for row in [*entry["pick_lines"], *entry["outbox"]]:
        del row["floor"]


def _trace(connection: duckdb.DuckDBPyConnection, source: str, order_id: str, asked: str) -> Facts:
    about = {"source": source, "order_id": order_id}
    core = _core_rows(connection, about)
    facts: Facts = {
        "order_id": order_id,
        "source": source,
        "verdict": "",
        "core": core,
        "quarantine": _rows(connection, REJECTS, **about),
        "pick_lines": _rows(connection, PICK_LINES, **about),
        "elsewhere": _rows(connection, ELSEWHERE, **about),
        "without_picks": _rows(connection, WITHOUT_PICKS, **about),
        "outbox": _rows(connection, OUTBOX, **about),
        "events": _rows(connection, EVENTS, **about),
    }
    rows = [row for table in core.values() for row in table] + facts["quarantine"]
    record_ids = sorted({asked} | {row["raw_record_id"] for row in rows})
    facts["raw_versions"] = _raw_versions(connection, source, record_ids)
    return facts


def _raw_only(connection: duckdb.DuckDBPyConnection, order: str) -> list[Facts]:
    """An order that was received but is nowhere else yet, or that unreadable bytes speak of."""
    if unforeseen := _rows(connection, UNFORESEEN, order=order):
        verdict_of = f"not picked: core cannot be built from it ({_rules(unforeseen)}); report this message"
        return [{"order_id": None, "source": unforeseen[0]["source"], "quarantine": unforeseen, "verdict": verdict_of}]
    versions = _raw_versions(connection, None, [order])
    if not versions:
        return [
            {"order_id": None, "source": letter["source"], "quarantine": [letter], "verdict": _UNREADABLE}
            for letter in _rows(connection, DEAD_LETTERS, order=order)
        ]
    facts: Facts = {"order_id": None, "source": versions[0]["resource"].split("_")[0], "raw_versions": versions}
    return [{**facts, "verdict": "received, but core has not been built from it: run the channel for that day"}]


def _core_rows(connection: duckdb.DuckDBPyConnection, about: Mapping[str, str]) -> dict[str, list[Facts]]:
    """The order's rows in each core table that has any, without personal columns."""
    rows: dict[str, list[Facts]] = {}
    for name, model in CORE_TABLES.items():
        columns = [column.name for column in table_contract(model).columns if not column.personal]
        if "order_id" in columns:
            sql = f"SELECT {', '.join(columns)} FROM core.{name} WHERE source = $source AND order_id = $order_id"
            rows[name] = _rows(connection, sql, **about)
    return {name: found for name, found in rows.items() if found}


def _raw_versions(connection: duckdb.DuckDBPyConnection, source: str | None, record_ids: Sequence[str]) -> list[Facts]:
    """Every stored version of the records, oldest first: which bytes, of which day, fetched when and by which run."""
    tables = _rows(
        connection,
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'raw'"
        " AND table_name NOT IN ('fetches', 'stale_partitions', 'reappearances', 'dead_letters')"
        " AND ($source IS NULL OR starts_with(table_name, $source || '_'))",
        source=source,
    )
    versions: list[Facts] = []
    for table in tables:
        name = table["table_name"]
        versions += _rows(
            connection,
            f"SELECT '{name}' AS resource, record_id, partition_day, content_sha256, strlen(payload) AS bytes,"
            f" fetched_at, run_id FROM raw.{name} WHERE list_contains($record_ids::VARCHAR[], record_id)",
            record_ids=list(record_ids),
        )
    return sorted(versions, key=lambda version: version["fetched_at"])


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, **parameters: Any) -> list[Facts]:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def verdict(facts: Mapping[str, Any]) -> str:
    """Why the order is, or is not, on the picker's screen: one sentence for a person."""
    ours, others = _of_our_floor(facts), _of_others(facts)
    if others and not (facts["outbox"] or facts["pick_lines"]):
        return f"not picked by our floor: {others}"
    return f"{ours}; {others}" if others else ours


def _of_others(facts: Mapping[str, Any]) -> str:
    """What somebody else picks of the order, or an empty text."""
    parts = [
        f"{row['lines']} line{'s' if row['lines'] > 1 else ''} at location {row['location']}"
        for row in facts.get("elsewhere", [])
    ]
    setting = f"ORDER_PIPELINE_{str(facts.get('source')).upper()}__LOCATIONS"
    return f"others pick {', '.join(parts)} (ours are in {setting})" if parts else ""


def _of_our_floor(facts: Mapping[str, Any]) -> str:
    open_rejects = [row for row in facts["quarantine"] if row["resolved_at"] is None]
    if not facts["core"].get("orders"):
        return f"not picked: its order row is in quarantine ({_rules(open_rejects)})"
    if facts["outbox"]:
        counts: dict[str, int] = {}
        for line in facts["outbox"]:
            words = f"{line['state']} ({line['reason']})" if line["reason"] else line["state"]
            words += f" at floor {line['floor']}" if "floor" in line else ""
            counts[words] = counts.get(words, 0) + 1
        return "; ".join(f"{count} line{'s' if count > 1 else ''} {words}" for words, count in counts.items())
    if of_marts := _of_marts(facts):
        return of_marts
    if open_rejects:
        return f"not picked: rows of it are in quarantine ({_rules(open_rejects)})"
    if facts.get("is_picked") is False:
        name = facts["source"]
        return f"not to be picked: {name} is not picked here (ORDER_PIPELINE_PICKING__{name.upper()} is not true)"
    order = facts["core"]["orders"][0]
    return f"not to be picked: order status {order['order_status']} ({order['source_status']})"


def _of_marts(facts: Mapping[str, Any]) -> str | None:
    """What the marts say of an order that is not in the outbox yet; None: nothing."""
    for row in facts.get("without_picks", []):
        return f"{row['reason']}: {row['detail']}"
    held = {row["hold_reason"]: row.get("hold_detail") for row in facts["pick_lines"] if row["hold_reason"]}
    if held:
        reasons = "; ".join(f"{reason} ({detail})" if detail else reason for reason, detail in sorted(held.items()))
        return f"held, not yet in the outbox: {reasons}"
    return "to be picked, not yet planned: run emission_job" if facts["pick_lines"] else None


def _rules(rejects: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(sorted({f"{row['rule']} {row['field']}={row['value']!r}" for row in rejects})) or "resolved since"
