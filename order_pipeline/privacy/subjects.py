"""Whose data it is about: an order, or an e-mail, a phone or a name; and the records of raw that are theirs."""

from __future__ import annotations

import enum
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from order_pipeline.private_files import write_durably
from order_pipeline.warehouse.lake.connection import Connection
from order_pipeline.warehouse.raw.erased_records import personal_keys
from order_pipeline.warehouse.raw.tables import resource_tables

LEAST_DIGITS = 8
"""A phone is found with and without its country code, by at least so many digits."""

_KEY_FILE = "privacy.key"

Record = tuple[str, str]
"""A source and the id of one of its records."""


class SubjectKind(enum.StrEnum):
    """What is known of the person."""

    ORDER = "order"
    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is asked for. `value` is personal and stands in no message, log or table."""

    kind: SubjectKind
    value: str

    def matches(self, texts: Sequence[str]) -> bool:
        """Whether personal texts, in the order of their payload, name the person.

        An e-mail or a phone is one of them (a phone by its digits). A name is one of them or several that follow each
        other, in either order: channels keep first and last name apart.
        """
        if self.kind is SubjectKind.EMAIL:
            return _folded(self.value) in {_folded(text) for text in texts}
        if self.kind is SubjectKind.PHONE:
            return any(_same_phone(self.value, text) for text in texts)
        words = _folded(self.value).split()
        joined = f" {' '.join(' '.join(map(_folded, texts)).split())} "
        return any(f" {' '.join(order)} " in joined for order in (words, words[::-1]))

    def hashed(self, key: bytes) -> str:
        """A keyed hash by which the same request is recognised."""
        value = _digits(self.value)[-10:] if self.kind is SubjectKind.PHONE else " ".join(_folded(self.value).split())
        return hmac.new(key, f"{self.kind}:{value}".encode(), hashlib.sha256).hexdigest()

    @property
    def prefilter(self) -> tuple[str, list[str]]:
        """SQL over a column `payload`, and its parameters, that no payload of the person fails."""
        escaped = r"contains(payload, '\u')"
        if self.kind is SubjectKind.PHONE:
            return f"({escaped} OR contains(regexp_replace(payload, '[^0-9]', '', 'g'), ?))", [
                _digits(self.value)[-LEAST_DIGITS:]
            ]
        words = [self.value.strip()] if self.kind is SubjectKind.EMAIL else self.value.split()
        conditions = " AND ".join("contains(lower(payload), lower(?))" for _ in words)
        return f"({escaped} OR ({conditions}))", words


def require_usable(subject: Subject) -> None:
    """Refuse what would find too many.

    Raises:
        ValueError: nothing, too few digits of a phone, or no `@` in an e-mail.
    """
    if not subject.value.strip():
        raise ValueError(f"--{subject.kind} is empty")
    if subject.kind is SubjectKind.PHONE and len(_digits(subject.value)) < LEAST_DIGITS:
        raise ValueError(f"--phone has fewer than {LEAST_DIGITS} digits, which would find others too")
    if subject.kind is SubjectKind.EMAIL and "@" not in subject.value:
        raise ValueError("--email has no @")
    if subject.kind is SubjectKind.NAME and len(subject.value.split()) < 2:
        raise ValueError("--name is one word, which would find others too; first and last name")


def hash_key(data_dir: Path) -> bytes:
    """The key of this installation's hashes; made at first. Without it nobody can try values against them."""
    file = data_dir.resolve() / _KEY_FILE
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_durably(file, secrets.token_hex(32).encode())
    return file.read_bytes()


def raw_tables(connection: Connection) -> dict[str, str]:
    """Every raw table of a channel -> its source."""
    return {table: table.removeprefix("raw.").partition("_")[0] for table in resource_tables(connection)}


def find_records(connection: Connection, subject: Subject) -> set[Record]:
    """The person's records: every order that names them, with all that was received under the order's id.

    Invoices have ids of their own; those of the orders found come too.
    """
    found = _of_order(connection, subject.value.strip()) if subject.kind is SubjectKind.ORDER else set[Record]()
    if subject.kind is not SubjectKind.ORDER:
        condition, parameters = subject.prefilter
        for table, source in raw_tables(connection).items():
            keys = personal_keys(source)
            rows = connection.execute(f"SELECT record_id, payload FROM {table} WHERE {condition}", parameters)
            for record_id, payload in _each(rows):
                if subject.matches([text for _, text in keys.texts(payload.encode())]):
                    found.add((source, record_id))
        letters = connection.execute("SELECT source, record_id, payload FROM raw.dead_letters").fetchall()
        for source, record_id, payload in letters:
            if record_id and subject.matches([text for _, text in personal_keys(source).texts(payload)]):
                found.add((source, record_id))
    return found | _invoices_of(connection, found)


def _of_order(connection: Connection, number: str) -> set[Record]:
    """By the number that a person has: the channel's, the other party's, or our own id."""
    of_core = connection.execute(
        "SELECT source, raw_record_id FROM core.orders WHERE $1 IN (order_number, order_id, external_reference)",
        [number],
    ).fetchall()
    found = set(of_core)
    for table, source in raw_tables(connection).items():
        rows = connection.execute(
            f"SELECT DISTINCT record_id FROM {table} WHERE record_id = $1 OR suffix(record_id, ':' || $1)", [number]
        ).fetchall()
        found |= {(source, record_id) for (record_id,) in rows}
    letters = connection.execute(
        "SELECT source, record_id FROM raw.dead_letters WHERE record_id = $1 OR suffix(record_id, ':' || $1)", [number]
    ).fetchall()
    return found | set(letters)


def _invoices_of(connection: Connection, records: Collection[Record]) -> set[Record]:
    found: set[Record] = set()
    for source, ids in by_source(records).items():
        rows = connection.execute(
            "SELECT invoices.raw_record_id FROM core.invoices INNER JOIN core.orders USING (source, order_id)"
            " WHERE source = $1 AND list_contains($2::VARCHAR[], orders.raw_record_id)",
            [source, ids],
        ).fetchall()
        found |= {(source, record_id) for (record_id,) in rows}
    return found


def by_source(records: Collection[Record]) -> dict[str, list[str]]:
    """The ids of each source, in order."""
    grouped: dict[str, list[str]] = {}
    for source, record_id in sorted(records):
        grouped.setdefault(source, []).append(record_id)
    return grouped


def _each(cursor: Connection) -> Iterator[tuple[str, str]]:
    while rows := cursor.fetchmany(1000):
        yield from rows


def _same_phone(wanted: str, text: str) -> bool:
    wanted, found = _digits(wanted), _digits(text)
    shorter, longer = sorted((wanted, found), key=len)
    return len(shorter) >= LEAST_DIGITS and longer.endswith(shorter)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text).removeprefix("00")


def _folded(text: str) -> str:
    return text.strip().casefold()
