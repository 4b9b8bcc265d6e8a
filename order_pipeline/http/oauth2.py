"""The OAuth2 messages: asking a token endpoint, and the two halves of the authorization-code flow.

authlib builds the messages, httpx carries them. Only authlib's protocol functions are used, because its httpx client is
moving to another HTTP library.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (authlib has no type hints)
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
from authlib.common.security import generate_token
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request

from order_pipeline.http.clients import open_client
from order_pipeline.http.errors import UNREADABLE_JSON, NoToken, NotSent, PermanentError
from order_pipeline.http.redaction import redact_body, redact_text

ClientStyle = Literal["basic", "form"]
_AUTHLIB_STYLE = {"basic": "client_secret_basic", "form": "client_secret_post"}


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `expires_at` is None when the server stated no lifetime; `answer` holds its whole reply."""

    access_token: str = field(repr=False)
    expires_at: datetime | None
    answer: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)


async def request_token(
    token_url: str,
    grant_type: str,
    client_id: str,
    client_secret: str,
    *,
    style: ClientStyle = "basic",
    extra_headers: Mapping[str, str] | None = None,
    **fields: str | None,
) -> Token:
    """Ask a token endpoint once.

    Raises:
        WrongEnvironment: a variable like HTTPS_PROXY or SSL_CERT_FILE cannot be used.
        NotSent: the endpoint could not be reached, was busy (408, 429) or failed (5xx): no API call was made.
        NoToken: it refused, or answered something that holds no token.
    """
    body = str(prepare_token_request(grant_type, **{name: value for name, value in fields.items() if value}))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    client = ClientAuth(client_id, client_secret, _AUTHLIB_STYLE[style])
    url, headers, body = cast(
        "tuple[str, dict[str, str], str]", client.prepare("POST", token_url, headers | dict(extra_headers or {}), body)
    )
    secrets = (client_secret, *(value for value in fields.values() if value))
    shown = redact_text(url, secrets)
    try:
        async with open_client(url, timeout=20.0) as http:
            response = await http.post(url, content=body, headers=headers)
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise NotSent(
            f"no token: {type(error).__name__} {error}".rstrip(),
            method="POST",
            url=shown,
            next_step="Check the token URL and the network; no API call was made.",
        ) from error
    return _read_token(response, shown, secrets)


def _read_token(response: httpx.Response, shown_url: str, secrets: tuple[str, ...]) -> Token:
    status, excerpt = response.status_code, redact_body(response.content, secrets)
    about: dict[str, Any] = {"method": "POST", "url": shown_url, "status": status}
    if status in (408, 429) or status >= 500:
        raise NotSent(
            f"no token: the token endpoint answered {status}",
            **about,
            excerpt=excerpt,
            next_step="The token endpoint is busy or down; run again later.",
        )
    try:
        answer = msgspec.json.decode(response.content, type=dict[str, Any])
    except UNREADABLE_JSON:
        answer = {}
    access_token = answer.get("access_token")
    if status >= 300 or not isinstance(access_token, str) or not access_token:
        raise NoToken(
            f"no token: the token endpoint answered {status} without an access token",
            **about,
            excerpt=excerpt if status >= 300 else "",
            next_step="Check the client id, the client secret and the token URL.",
        )
    try:
        lifetime = float(answer.get("expires_in") or "nan")
        expires_at = datetime.now(UTC) + timedelta(seconds=lifetime)
    except (TypeError, ValueError, OverflowError):
        expires_at = None
    return Token(access_token, expires_at, answer)


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """The two halves of the authorization-code flow; the browser and the redirect in between are the caller's."""

    authorize_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    scope: str | None = None
    style: ClientStyle = "form"

    def start(self) -> tuple[str, str]:
        """The URL to open in a browser and the `state` that the redirect should bring back."""
        state = str(generate_token(32))
        url = prepare_grant_uri(
            self.authorize_url, self.client_id, "code", redirect_uri=self.redirect_uri, scope=self.scope, state=state
        )
        return str(url), state

    def code_from_redirect(self, redirected_url: str, state: str, *, state_required: bool = True) -> str:
        """The code in the URL the browser was sent back to.

        Raises:
            PermanentError: consent was refused, no code came, or `state` is another one (with `state_required=False`
                an absent state passes: ScanOrders' page promises no echo).
        """
        query = parse_qs(urlsplit(redirected_url).query)
        returned = query.get("state", [None])[0]
        if "error" in query:
            raise PermanentError(f"consent was not given: {query['error'][0]}", next_step="Log in again and agree.")
        if returned != state and (state_required or returned is not None):
            raise PermanentError("the redirect answers another login (state differs)", next_step="Start again.")
        if not query.get("code"):
            raise PermanentError(
                "the redirect holds no code", next_step="Check the redirect URI in the app's settings."
            )
        return query["code"][0]

    async def exchange(self, code: str) -> Token:
        """Trade the code for a token; raises as `request_token`."""
        return await request_token(
            self.token_url,
            "authorization_code",
            self.client_id,
            self.client_secret,
            style=self.style,
            code=code,
            redirect_uri=self.redirect_uri,
        )
