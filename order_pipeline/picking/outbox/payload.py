"""The payload of a pick line: what ScanOrders gets for it, as one canonical JSON text with a hash."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import msgspec

Payload: TypeAlias = dict[str, str | int]

PERSONAL_PARAMETERS = ("customername", "shippingaddress")
"""Parameters of `neworders` whose values may be stored, but never shown in logs, metadata, tasks or errors."""

WHAT_A_PICKER_DOES = ("barcode", "binloc", "ordernumber", "qtytopick")
"""Parameters by which a picker acts: what to scan, where it lies, for which order, how many. The address is one too
where the floor gets it. Others are only shown: a change of them after sending is no task (docs/decisions/0014)."""

_PAYLOADS = msgspec.json.Decoder(Payload)


def payload_text(payload: Payload) -> str:
    """The payload's canonical JSON: the same payload is the same text, whatever the order of its keys."""
    return msgspec.json.encode(payload, order="deterministic").decode()


def read_payload(text: str) -> Payload:
    """The payload that a text holds."""
    return _PAYLOADS.decode(text)


def payload_sha256(text: str) -> str:
    """The hash that says whether a payload is the one that was sent."""
    return hashlib.sha256(text.encode()).hexdigest()


def personal_values(text: str) -> list[str]:
    """The personal values of a payload text, which must not be kept from a reply that repeats them."""
    payload = read_payload(text)
    return [str(payload[name]) for name in PERSONAL_PARAMETERS if payload.get(name)]


def is_same_pick(sent: str, now: str) -> bool:
    """Whether a picker would do the same for both payload texts."""
    before, after = read_payload(sent), read_payload(now)
    if any(before.get(name) != after.get(name) for name in WHAT_A_PICKER_DOES):
        return False
    addresses = before.get("shippingaddress"), after.get("shippingaddress")
    return None in addresses or addresses[0] == addresses[1]


def differences(sent: str, now: str) -> list[str]:
    """The parameters that differ between two payload texts, as `name: old -> new`; personal values are not shown."""
    before, after = read_payload(sent), read_payload(now)
    found: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, "nothing"), after.get(name, "nothing")
        if old != new:
            found.append(f"{name}: changed (not shown)" if name in PERSONAL_PARAMETERS else f"{name}: {old} -> {new}")
    return found
