"""A reply as the caller gets it: status, headers, bytes, and JSON on demand with errors that say what came instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

import msgspec

from order_pipeline.http.errors import UNREADABLE_JSON, ApiError, CutBody, UnreadableBody
from order_pipeline.http.retry import parse_retry_after
from order_pipeline.redaction.errors import described
from order_pipeline.redaction.texts import redact_body, redact_text

T = TypeVar("T")
E = TypeVar("E", bound=ApiError)
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)
_BLANK = b" \t\r\n"
_PAIRS = {ord("{"): ord("}"), ord("["): ord("]")}
_MARKUP = ord("<")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `headers` have lower-case names; `content` is the body, decompressed.

    `sent_to` is the URL as it was sent and not for showing; `url` is.
    """

    method: str
    sent_to: str = field(repr=False)
    status: int
    headers: Mapping[str, str]
    content: bytes
    attempts: int = 1
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def url(self) -> str:
        """The URL, redacted only when it is asked for, because that costs more than the rest of a small reply."""
        return redact_text(self.sent_to, self.secrets)

    def utf8(self, otherwise: str | None = None) -> bytes:
        """The body as UTF-8, without a byte order mark.

        A body that is UTF-8 is UTF-8, whatever the header says; another is read by the header's charset, or `otherwise`
        by that one. One that fits none stays as it is: no UTF-8.
        """
        content = self.content.removeprefix(b"\xef\xbb\xbf")
        if content.isascii():
            return content
        named = _CHARSET.search(self.headers.get("content-type", ""))
        for charset in filter(None, ("utf-8", named and named[1], otherwise)):
            try:
                text = content.decode(charset)
                return content if charset == "utf-8" else text.encode()
            except (UnicodeError, LookupError):
                continue
        return content

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait, if it does."""
        return parse_retry_after(self.headers.get("retry-after"))

    @overload
    def json(self) -> Any: ...
    @overload
    def json(self, kind: type[T]) -> T: ...
    def json(self, kind: Any = Any) -> Any:
        """Decode the body, into `kind` when given.

        Raises:
            UnreadableBody: HTML, nothing, invalid JSON, or JSON of another shape.
            CutBody: JSON that ends in the middle.
        """
        problem = json_problem(self)
        if problem is not None:
            raise problem
        try:
            return msgspec.json.decode(self.utf8(), type=kind)
        except UNREADABLE_JSON as error:
            raise self.unreadable(f"the body is not the JSON that was expected ({described(error)})") from error

    def excerpt(self) -> str:
        """The redacted beginning of the body."""
        return redact_body(self.content, self.secrets)

    def error(self, kind: type[E], reason: str, next_step: str, *, retry_after: float | None = None) -> E:
        """An error that this reply stands for; it knows the call and what came back."""
        return kind(
            reason,
            method=self.method,
            url=self.url,
            status=self.status,
            excerpt=self.excerpt(),
            attempts=self.attempts,
            next_step=next_step,
            retry_after=retry_after,
            content=self.content,
        )

    def unreadable(self, reason: str, kind: type[ApiError] = UnreadableBody) -> ApiError:
        """An error about this reply's body; the excerpt stays out of a 200, which may carry whole orders."""
        form = self.headers.get("content-type", "no content type")
        error = self.error(
            kind,
            f"{reason}; got {len(self.content)} bytes of {form} with status {self.status}",
            "Check the base URL and whether a proxy or login page answers in the API's place.",
        )
        if self.status < 400 and self.content.lstrip(_BLANK)[:1] != b"<":
            error.excerpt = ""
        return error


def json_problem(reply: Reply) -> ApiError | None:
    """Why a body cannot be a JSON object or array, judged by its first and last byte; None if it can be one.

    A cheap guard for hooks. A cut body is worth another try (CutBody); markup, or an empty body, is not.
    """
    content = reply.content
    body_end = len(content.rstrip(_BLANK)) if content[-1:] in (b" ", b"\t", b"\r", b"\n") else len(content)
    start = 0
    while start < body_end and content[start] in b" \t\r\n\xef\xbb\xbf":
        start += 1
    if start == body_end:
        return reply.unreadable("the body is empty")
    if content[start] == _MARKUP:
        return reply.unreadable("the body is HTML or XML, not JSON")
    closing = _PAIRS.get(content[start])
    if closing is not None and content[body_end - 1] != closing:
        return reply.unreadable("the body is cut: its JSON does not end", CutBody)
    return None


def is_utf8(content: bytes) -> bool:
    """Whether bytes are UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
