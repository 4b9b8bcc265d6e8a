"""Answers with status 200 that say that they are an error. Nothing that such an answer lacks is proved to be absent.

Some gateways and back ends put their error into the body of a 200: an object with an error's keys where records were
asked for, or an array of such objects.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import msgspec

from order_pipeline.http.errors import UNREADABLE_JSON, ApiError, TransientError, UnreadableBody
from order_pipeline.http.reply import Reply
from order_pipeline.redaction.texts import redact_body

_ERRORS = re.compile(r"(error|fault|exception)(s|code|message|string|description)?|modelstate", re.IGNORECASE)
_HINTS = re.compile(r"message|status(code)?|code|detail|title", re.IGNORECASE)
_CODE = re.compile(rb'"\w*(?:status|code)"\s*:\s*"?(\d{3,5})\b', re.IGNORECASE)
_NOTHING = frozenset({b"null", b"[]", b"{}", b'""', b"false", b"0"})
_WORTH_A_TRY = frozenset({408, 429})
_LARGEST, _SHOWN = 16_384, 200

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def error_answer(reply: Reply, record_keys: Collection[str], refusals: Collection[int] = ()) -> ApiError | None:
    """The error that a 200 carries in place of records; None for anything else.

    Only small bodies are looked into: an error is no long text, and pages of records are not read twice.

    Args:
        reply: the answer.
        record_keys: keys, in lower case, of an object that holds, or is, a record; beside one of them only plain error
            keys count.
        refusals: the vendor's own codes for requests that will be refused again, beside the statuses 400 to 499.

    Returns:
        TransientError, or UnreadableBody where the answer names a refusal.
    """
    if len(reply.content) > _LARGEST or not is_error(content := reply.utf8().strip(), record_keys):
        return None
    found = _CODE.search(content)
    code = int(found[1]) if found else None
    is_refused = code is not None and (code in refusals or (400 <= code < 500 and code not in _WORTH_A_TRY))
    next_step = "Nothing that this answer lacks is proved to be absent: run again when the API is well."
    kind = UnreadableBody if is_refused else TransientError
    error = reply.error(kind, "answered 200 with an error in place of records", next_step)
    error.excerpt = redact_body(content, reply.secrets, limit=_SHOWN)
    return error


def is_error(content: bytes | msgspec.Raw, record_keys: Collection[str]) -> bool:
    """Whether JSON is an object that says that it is an error, or an array of nothing else."""
    text = bytes(content)
    try:
        if text[:1] == b"[":
            elements = _decode_array(text)
            return bool(elements) and all(_is_error_row(element, record_keys) for element in elements)
        return text[:1] == b"{" and bool(error_keys(_decode_object(text), record_keys))
    except UNREADABLE_JSON:
        return False


def _is_error_row(element: msgspec.Raw, record_keys: Collection[str]) -> bool:
    """A row that has a record's key is a record, whatever it says of errors: row errors are the record's own."""
    if bytes(element)[:1] != b"{":
        return False
    row = _decode_object(element)
    return not any(key.casefold() in record_keys for key in row) and bool(error_keys(row, record_keys))


def error_keys(answer: Mapping[str, msgspec.Raw], record_keys: Collection[str]) -> list[str]:
    """The keys that say that an answer is an error; a message or a code does so only where no record is."""
    said = {key: key.replace("_", "") for key, value in answer.items() if bytes(value) not in _NOTHING}
    plain = [key for key, name in said.items() if _ERRORS.fullmatch(name)]
    if plain or any(key.casefold() in record_keys for key in answer):
        return plain
    return [key for key, name in said.items() if _HINTS.fullmatch(name)]
