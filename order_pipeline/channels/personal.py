"""Which parts of a channel's payloads are personal, and a payload without them.

Each channel declares it once (`Channel.personal`). What is personal in core stands in the contracts (`column(...,
personal=True)`), in picks in `picking.outbox.payload.PERSONAL_PARAMETERS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from order_pipeline.http.errors import UNREADABLE_JSON

ERASED = "erased"
"""Stands where a personal text was. The same for everybody, so that it links nobody's orders."""

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class PersonalKeys:
    """The personal keys of a channel's payloads, wherever they stand: an address repeats in shipments and in changes.

    Attributes:
        keys: key -> what it holds. Its whole value is personal, with all that is beneath: a key that the API adds to
            an address tomorrow is personal too.
        kept: keys beneath them that are not: facts that decide how an order is delivered.
        places: keys whose values many people share (city, country, ids), which find nobody.
    """

    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    kept: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()

    def erased(self, payload: bytes) -> bytes:
        """The payload with `ERASED` for personal texts and null for other personal values; all else keeps its bytes.

        Bytes that cannot be read as JSON are replaced as a whole: nobody can tell what in them is personal.
        """
        try:
            return self._erased(payload, within=False, depth=0)
        except UNREADABLE_JSON:
            return _encode(ERASED)

    def covers(self, keys: Iterable[str]) -> bool:
        """Whether what stands behind these keys, from the outermost one on, is personal."""
        within = False
        for key in keys:
            within = self._is_personal(key, within=within)
        return within

    def texts(self, payload: bytes) -> list[tuple[str, str]]:
        """The personal texts and numbers of a payload with their keys; none of bytes that are no JSON."""
        try:
            document = msgspec.json.decode(payload)
        except UNREADABLE_JSON:
            return []
        return [(key, text) for key, text in self._texts(document, "", within=False) if text not in {"", ERASED}]

    def identifying(self, payload: bytes) -> list[str]:
        """Those texts by which somebody could be found: no city, no country, no id."""
        return [text for key, text in self.texts(payload) if key not in self.places]

    def _erased(self, value: bytes, *, within: bool, depth: int) -> bytes:
        if depth > _DEEPEST:
            raise RecursionError("a payload nested deeper than anything that was meant")
        opening = value.lstrip()[:1]
        if opening == b"{":
            return _encode(
                {
                    key: msgspec.Raw(
                        self._erased(bytes(part), within=self._is_personal(key, within=within), depth=depth + 1)
                    )
                    for key, part in _decode_object(value).items()
                }
            )
        if opening == b"[":
            parts = [self._erased(bytes(part), within=within, depth=depth + 1) for part in _decode_array(value)]
            return _encode([msgspec.Raw(part) for part in parts])
        if not within:
            return value
        return (b'"erased"' if len(value.strip()) > len(b'""') else value) if opening == b'"' else b"null"

    def _texts(self, value: object, key: str, *, within: bool) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            for name, part in cast("dict[str, Any]", value).items():
                yield from self._texts(part, name, within=self._is_personal(name, within=within))
        elif isinstance(value, list):
            for part in cast("list[Any]", value):
                yield from self._texts(part, key, within=within)
        elif within and value is not None and not isinstance(value, bool):
            yield key, str(value)

    def _is_personal(self, key: str, *, within: bool) -> bool:
        return (within or key in self.keys) and key not in self.kept
