"""Waits on loopback for the browser that comes back from a login, and turns everybody else away.

While it waits, any page in any browser of this machine can call the same address. Such a call must neither log the
pipeline in to an account of somebody else nor end the login that a person has begun.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from email.message import Message
from html import escape
from http.client import HTTPException, parse_headers
from urllib.parse import urlsplit

from order_pipeline.http.environment import is_loopback
from order_pipeline.http.errors import PermanentError
from order_pipeline.http.oauth2 import AuthorizationCode, BegunLogin, ForeignRedirectError

_HEADERS_WITHIN_SECONDS = 10.0
_MOST_HEADER_BYTES = 32_768
_PAGE = "<!DOCTYPE html><meta charset=utf-8><title>ScanOrders login</title><p>{text}</p>"
_NO_STATE = "If ScanOrders hands back no `state`: docs/security.md, The login at ScanOrders."


class LoginTimeoutError(RuntimeError):
    """Nobody came back from the browser in time with an answer to this login."""


async def wait_for_code(
    flow: AuthorizationCode,
    begun: BegunLogin,
    show: Callable[[], object],
    timeout_seconds: float,
    *,
    state_required: bool,
) -> str:
    """Listen at the flow's redirect address until the login is answered; its code.

    Args:
        flow: of the account.
        begun: the login that is waited for.
        show: called once the address can be reached: brings the person to the consent page.
        timeout_seconds: how long to wait.
        state_required: a redirect without `state` is turned away.

    Raises:
        LoginTimeoutError: no redirect answered this login.
        PermanentError: one did, and consent was refused.
        OSError: the address cannot be listened on.
    """
    answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    turned_away: list[str] = []
    address = urlsplit(flow.redirect_uri)

    def take(target: str) -> tuple[str, str]:
        try:
            code = flow.code_from_redirect(
                f"{address.scheme}://{address.netloc}{target}", begun, state_required=state_required
            )
        except ForeignRedirectError as error:
            turned_away.append(error.reason)
            return "403 Forbidden", f"This is no answer to the login that was begun here: {error.reason}."
        except PermanentError as error:
            answered.set_exception(error)
            return "200 OK", "Back at the pipeline: no consent was given. This window can be closed."
        answered.set_result(code)
        return "200 OK", "Back at the pipeline. This window can be closed."

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer_browser(reader, writer, address.path or "/", take)

    server = await asyncio.start_server(answer, address.hostname, address.port or 80, limit=_MOST_HEADER_BYTES)
    async with server:
        show()
        try:
            async with asyncio.timeout(timeout_seconds):
                return await answered
        except TimeoutError as error:
            message = f"No browser came back to {flow.redirect_uri} within {timeout_seconds:.0f} s"
            if turned_away:
                message += f" with an answer to this login; turned away: {len(turned_away)} ({turned_away[-1]})"
            raise LoginTimeoutError(f"{message}. Start again. {_NO_STATE if turned_away else ''}".rstrip()) from error


async def _answer_browser(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, take: Callable[[str], tuple[str, str]]
) -> None:
    """Answer one request. What else a browser asks for, like an icon, gets a 404."""
    try:
        async with asyncio.timeout(_HEADERS_WITHIN_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        request, headers = _parsed(head)
    except (TimeoutError, OSError, ValueError, HTTPException, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        writer.close()
        return
    method, target = (*request.split(" "), "", "")[:2]
    if method != "GET" or urlsplit(target).path != path or not urlsplit(target).query:
        status, text = "404 Not Found", "Nothing here."
    elif not _is_followed_by_a_person(headers):
        status, text = "403 Forbidden", "A page may not load this."
    else:
        status, text = take(target)
    page = _PAGE.format(text=escape(text)).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/html", f"Content-Length: {len(page)}", "Connection: close"]
    lines += ["Referrer-Policy: no-referrer", "Cache-Control: no-store", "X-Frame-Options: DENY", "", ""]
    writer.write("\r\n".join(lines).encode() + page)
    await writer.drain()
    writer.close()


def _parsed(head: bytes) -> tuple[str, Message]:
    line, _, rest = head.partition(b"\r\n")
    return line.decode("latin-1"), parse_headers(io.BytesIO(rest))


def _is_followed_by_a_person(headers: Message) -> bool:
    """Whether a browser opens it as a page of its own under a name of loopback, and not as a part of another page."""
    hosts = headers.get_all("host") or []
    is_page = headers.get("sec-fetch-dest", "document") == "document"
    return is_page and len(hosts) == 1 and is_loopback(f"http://{hosts[0]}")
