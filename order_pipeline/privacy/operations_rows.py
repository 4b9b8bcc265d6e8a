"""A person's rows in the operations store: the outbox's payloads, the inbox's bodies, and free text of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Connection, String, and_, or_, select, update

from order_pipeline.channels.personal import ERASED
from order_pipeline.operations.inbox import webhook_inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import metadata, pick_outbox
from order_pipeline.picking.outbox.payload import PERSONAL_PARAMETERS, payload_sha256, payload_text, read_payload
from order_pipeline.privacy.needles import Needles, full_names
from order_pipeline.privacy.subjects import Record, Subject, SubjectKind, by_source
from order_pipeline.warehouse.lake.forgetting import vacuum
from order_pipeline.warehouse.raw.erased_records import personal_keys

_PAYLOADS = {column for column in pick_outbox.c if column.info.get("personal")}


def erase_operations(
    store: OperationsStore, records: Collection[Record], orders: Collection[str], needles: Needles, *, dry: bool = False
) -> Counter[str]:
    """Rewrite the rows without what is personal; `dry` only counts them.

    Args:
        store: its tables made.
        records: of raw; an event of the inbox has their id as its order number.
        orders: ids of the orders in core, as the outbox has them.
        needles: what else may name the person, looked for in every other text.
        dry: count, change nothing.
    """
    changed = Counter[str]()
    with store.reading() if dry else store.writing() as connection:
        changed["pick_outbox"] = _erase_outbox(connection, orders, dry=dry)
        changed["webhook_inbox"] = _erase_inbox(connection, records, needles, dry=dry)
        changed += _erase_texts(connection, needles, dry=dry)
    return +changed


def find_events(store: OperationsStore, subject: Subject) -> set[Record]:
    """The orders of the inbox's events that name the person: an event that waits has no record in raw yet."""
    table, found = webhook_inbox.c, set[Record]()
    query = select(table.channel, table.order_number, table.body).where(table.order_number.is_not(None))
    if subject.kind is SubjectKind.ORDER:
        query = query.where(table.order_number == subject.value.strip())
    with store.reading() as connection:
        for channel, order_number, body in connection.execute(query):
            is_theirs = subject.kind is SubjectKind.ORDER
            if is_theirs or subject.matches([text for _, text in personal_keys(channel).texts(body)]):
                found.add((channel, order_number))
    return found


def texts_of_events(store: OperationsStore, records: Collection[Record]) -> set[str]:
    """What the inbox's events of the records say that could name the person."""
    table, texts = webhook_inbox.c, set[str]()
    with store.reading() as connection:
        for source, ids in by_source(records).items():
            query = select(table.body).where(table.channel == source, table.order_number.in_(ids))
            for (body,) in connection.execute(query):
                keys = personal_keys(source)
                texts |= set(keys.identifying(body)) | full_names(keys.texts(body))
    return texts


def forget_free_pages(store: OperationsStore) -> None:
    """Write an embedded store's file anew; a server's own upkeep does it there."""
    database = store.engine.url.database
    if store.is_sqlite and database and Path(database).exists():
        store.close()
        vacuum(Path(database))


def _erase_outbox(connection: Connection, orders: Collection[str], *, dry: bool) -> int:
    """The hash goes with the payload. The address leaves as a whole: without one, nobody is asked about a change."""
    table, changed = pick_outbox.c, 0
    query = select(table.pick_id, table.payload, table.seen_payload).where(table.order_id.in_(list(orders)))
    for pick_id, payload, seen in connection.execute(query).all():
        values = {"payload": _without_person(payload), "seen_payload": seen and _without_person(seen)}
        if values == {"payload": payload, "seen_payload": seen}:
            continue
        changed += 1
        if not dry:
            values |= {"payload_sha256": payload_sha256(values["payload"])}
            values |= {"seen_sha256": payload_sha256(values["seen_payload"])} if values["seen_payload"] else {}
            connection.execute(update(pick_outbox).where(table.pick_id == pick_id).values(**values))
    return changed


def _without_person(text: str) -> str:
    payload = read_payload(text)
    if not any(payload.get(name, ERASED) not in {ERASED, ""} for name in PERSONAL_PARAMETERS):
        return text
    kept = {name: value for name, value in payload.items() if name not in PERSONAL_PARAMETERS}
    return payload_text(kept | ({"customername": ERASED} if "customername" in payload else {}))


def _erase_inbox(connection: Connection, records: Collection[Record], needles: Needles, *, dry: bool) -> int:
    """Events of the orders by their number; events that nobody could read by what stands in their bytes."""
    table, changed = webhook_inbox.c, 0
    of_orders = [
        and_(table.channel == source, table.order_number.in_(ids)) for source, ids in by_source(records).items()
    ]
    query = select(table.event_id, table.channel, table.order_number, table.body).where(
        or_(table.order_number.is_(None), *of_orders)
    )
    for event_id, channel, order_number, body in connection.execute(query).all():
        if order_number is None and not needles.is_in(body.decode(errors="replace")):
            continue
        erased = personal_keys(channel).erased(body)
        if erased != body:
            changed += 1
            if not dry:
                connection.execute(update(webhook_inbox).where(table.event_id == event_id).values(body=erased))
    return changed


def _erase_texts(connection: Connection, needles: Needles, *, dry: bool) -> Counter[str]:
    """Every other text column of every table. They are redacted already; this is for what slipped through."""
    changed = Counter[str]()
    for table in metadata.sorted_tables if needles.texts else ():
        keys = list(table.primary_key.columns)
        texts = [
            column
            for column in table.columns
            if isinstance(column.type, String) and not column.primary_key and column not in _PAYLOADS
        ]
        if not texts or not keys:
            continue
        holding = or_(*(column.icontains(form, autoescape=True) for column in texts for form in needles.forms))
        for row in connection.execute(select(*keys, *texts).where(holding)).mappings().all():
            erased = {c.name: needles.erased_from(row[c.name]) for c in texts if row[c.name]}
            values = {name: text for name, text in erased.items() if text != row[name]}
            if values:
                changed[table.name] += 1
                if not dry:
                    of_row = and_(*(key == row[key.name] for key in keys))
                    connection.execute(update(table).where(of_row).values(**values))
    return changed
