"""What may be shown of a text: no token, key, password, e-mail, phone or address leaves this module readable.

The patterns hide too much rather than too little: a harmless value that is hidden costs a look into the raw table, a
token that is shown costs an account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from order_pipeline.redaction.secrets import SHORTEST, known_secrets

MARK = "[redacted]"

_CREDENTIALS = (
    r"access_token|refresh_token|id_token|token|api[-_]?key|client_secret|secret|password|passwd|otp|uid|"
    r"authorization|cookie|set-cookie|signature|sig|ocp-apim-subscription-key|subscription[-_]key|code_verifier"
)
_PERSONAL = (
    r"e-?mail|[a-z_]*email|phone\d?|mobile|first_?name|last_?name|full_?name|customer_?name|company|attn|"
    r"(?:address_?line|street)[_a-z]*\d?|street_(?:name|number)|shipping_?address|postal_?code|zip|vat(?:_?number)?|"
    r"tax_?id|ip_?address|id_number|latitude|longitude"
)
_HIDDEN = f"(?:{_CREDENTIALS}|{_PERSONAL})"

_JSON_PAIR = re.compile(
    rf"""(["'](?:{_HIDDEN})["']\s*:\s*)("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,}}\]"'\[{{]+)""",
    re.IGNORECASE | re.DOTALL,
)
_FORM_PAIR = re.compile(rf"(\b(?:{_HIDDEN}|code)=)([^&\s\"'<>#]+)", re.IGNORECASE)
_HEADER_PAIR = re.compile(
    rf"(\b(?:{_CREDENTIALS})[ \t]*:[ \t]*)(?!\[redacted\])([^\s\"',;]+(?:[ \t]+[^\s\"',;]+)?)", re.IGNORECASE
)
_SCHEME = re.compile(r"\b(Bearer|Basic|Token)\s+(?!\[redacted\])[A-Za-z0-9._~+/=\-]{6,}", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_\-]{5,}(?:\.[A-Za-z0-9_\-]*){0,2}")
_OPAQUE = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z0-9_\-]*\d)(?=[A-Za-z0-9_\-]*[A-Za-z])[A-Za-z0-9_\-]{32,}")
_QUOTED_OPTION = re.compile(r"(\bpassword\s*=\s*)(?:'(?:[^'\\]|\\.)*'|(?!\[redacted\])[^\s'\"&]+)", re.IGNORECASE)
_USER_INFO = re.compile(r"(://)[^/@\s?#]+@")
_EMAIL = re.compile(r"[\w.+\-]+(?:@|%40)[\w\-]+(?:\.[\w\-]+)+", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w.])\+\d[\d \-()]{6,}\d")
_KEPT = (
    rf"{re.escape(MARK)}|[\"'](?:{_HIDDEN})[\"']\s*:|\b(?:{_HIDDEN}|code)=|\b(?:{_CREDENTIALS})[ \t]*:|\bpassword\s*="
)
"""What tells that a value follows: a secret that is a part of such a name is left in it, for the value's sake."""


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Hide secrets and personal data in a URL or in what an API said.

    Args:
        text: anything.
        secrets: exact values to hide beside those that the process knows (shorter than 4 characters: ignored).

    Applying it twice gives the same as once.
    """
    text = redact_message(text, secrets)
    return _OPAQUE.sub(MARK, text)


def redact_message(text: str, secrets: Iterable[str] = ()) -> str:
    """The same for a message of this program or of a library: ids of runs and long names of files stay."""
    text = _without({*secrets, *known_secrets()}, text)
    text = _USER_INFO.sub(rf"\1{MARK}@", text)
    text = _JSON_PAIR.sub(rf'\1"{MARK}"', text)
    text = _FORM_PAIR.sub(rf"\1{MARK}", text)
    text = _QUOTED_OPTION.sub(rf"\1{MARK}", text)
    text = _SCHEME.sub(rf"\1 {MARK}", text)
    text = _HEADER_PAIR.sub(rf"\1{MARK}", text)
    for pattern in (_JWT, _EMAIL, _PHONE):
        text = pattern.sub(MARK, text)
    return text


def _without(secrets: Iterable[str], text: str) -> str:
    found = sorted({secret for secret in secrets if len(secret) >= SHORTEST and secret in text}, key=len, reverse=True)
    if not found:
        return text
    pattern = "|".join((f"((?i:{_KEPT}))", *map(re.escape, found)))
    return re.sub(pattern, lambda match: match[1] or MARK, text)


def redact_body(content: bytes, secrets: Iterable[str] = (), *, limit: int = 2048) -> str:
    """The beginning of a body as one redacted line of at most `limit` characters (cut after redaction, never before).

    Kibo's contract (section 9) asks for the first 2 kB of an error body.
    """
    text = content[: 4 * limit].decode("utf-8", "replace")
    redacted = " ".join(redact_text(text, secrets).split())
    return redacted if len(redacted) <= limit else redacted[: limit - 1] + "…"
