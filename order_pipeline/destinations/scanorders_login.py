"""`scanorders login`: a person consents in the browser, the redirect comes back to this machine, the token is stored.

The contract is docs/apis/scanorders.md section 4: an authorization code, no refresh token, and perhaps no echo of
`state`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from order_pipeline.destinations.demo_guard import refuse_demo_orders
from order_pipeline.destinations.scanorders_token import StoredToken, save_token
from order_pipeline.destinations.settings import PipelineSettings, setting_of
from order_pipeline.floors import MAIN
from order_pipeline.http.environment import is_loopback
from order_pipeline.http.errors import NotConfigured
from order_pipeline.http.oauth2 import AuthorizationCode

LOGIN_TIMEOUT_SECONDS = 300.0
_PAGE = "<!DOCTYPE html><title>ScanOrders login</title><p>{text} This window can be closed.</p>"


class LoginTimeoutError(RuntimeError):
    """Nobody came back from the browser in time."""


async def login(
    settings: PipelineSettings,
    show_url: Callable[[str], object],
    *,
    floor: str = MAIN,
    timeout_seconds: float = LOGIN_TIMEOUT_SECONDS,
) -> StoredToken:
    """Run the whole flow and store the token.

    Args:
        settings: the floor's `client_id`, `client_secret` and a loopback `redirect_uri` are needed.
        show_url: opens the address in a browser, or prints it.
        floor: whose account it is.
        timeout_seconds: how long to wait for the person.

    Raises:
        NotConfigured: a setting is missing, the redirect does not point to this machine, or this is a demo's directory.
        LoginTimeoutError: nobody came back.
        PermanentError, NotSent: consent or exchange failed (`http.oauth2`).
    """
    refuse_demo_orders(settings)
    flow = _flow(settings, floor)
    url, state = flow.start()
    redirected: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    address = urlsplit(flow.redirect_uri)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer_browser(reader, writer, flow.redirect_uri, redirected)

    server = await asyncio.start_server(answer, address.hostname, address.port or 80)
    async with server:
        show_url(url)
        try:
            async with asyncio.timeout(timeout_seconds):
                back = await redirected
        except TimeoutError as error:
            message = f"No browser came back to {flow.redirect_uri} within {timeout_seconds:.0f} s. Start again."
            raise LoginTimeoutError(message) from error
    code = flow.code_from_redirect(back, state, state_required=False)
    token = await flow.exchange(code)
    uid = token.answer.get("uid")
    stored = StoredToken(
        access_token=token.access_token,
        obtained_at=datetime.now(UTC),
        expires_at=token.expires_at,
        uid=None if uid is None else str(uid),
    )
    save_token(settings, stored, floor)
    return stored


def _flow(settings: PipelineSettings, floor: str) -> AuthorizationCode:
    scanorders = settings.floor_settings[floor]
    if not scanorders.client_id or scanorders.client_secret is None:
        names = " and ".join(setting_of(floor, name) for name in ("CLIENT_ID", "CLIENT_SECRET"))
        raise NotConfigured(f"Set {names}, then log in again.")
    if urlsplit(scanorders.redirect_uri).scheme != "http" or not is_loopback(scanorders.redirect_uri):
        raise NotConfigured(
            f"{setting_of(floor, 'REDIRECT_URI')} is {scanorders.redirect_uri}; it must be http:// on 127.0.0.1, "
            "where this command waits for the browser."
        )
    root = scanorders.base_url.rstrip("/")
    return AuthorizationCode(
        authorize_url=f"{root}/api/1.1/oauth/authorize",
        token_url=f"{root}/api/1.1/oauth/access_token",
        client_id=scanorders.client_id,
        client_secret=scanorders.client_secret.get_secret_value(),
        redirect_uri=scanorders.redirect_uri,
    )


async def _answer_browser(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, redirect_uri: str, redirected: asyncio.Future[str]
) -> None:
    """Take the redirect. Anything else that a browser asks for, like an icon, gets a 404."""
    request_line = (await reader.readline()).decode("latin-1").split(" ")
    target = request_line[1] if len(request_line) > 1 else ""
    wanted = urlsplit(redirect_uri)
    is_redirect = urlsplit(target).path == (wanted.path or "/") and bool(urlsplit(target).query)
    status, text = ("200 OK", "Back at the pipeline.") if is_redirect else ("404 Not Found", "Nothing here.")
    page = _PAGE.format(text=text).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + page)
    await writer.drain()
    writer.close()
    if is_redirect and not redirected.done():
        redirected.set_result(f"{wanted.scheme}://{wanted.netloc}{target}")
