"""The OAuth2 messages: asking a token endpoint, and the two halves of the authorization-code flow.

authlib builds the messages, httpx carries them. Only authlib's protocol functions are used, because its httpx client is
moving to another HTTP library.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (authlib has no type hints)
from __future__ import annotations

import hmac
import time
from collections.abc import Mapping, Sequence
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
from order_pipeline.redaction.errors import described
from order_pipeline.redaction.texts import redact_body, redact_text

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
            f"no token: {described(error)}",
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


class ForeignRedirectError(PermanentError):
    """A redirect that does not answer the login that was begun: of another one, of nobody's, or a second time."""


@dataclass(slots=True)
class BegunLogin:
    """A login that waits for its redirect.

    Attributes:
        url: to be opened in a browser.
        state: what the redirect brings back: the proof that it answers this login.
        ends_at: of the monotonic clock; no redirect counts afterwards.
        is_answered: a redirect has answered it; none counts any more.
    """

    url: str
    state: str = field(repr=False)
    ends_at: float
    is_answered: bool = False


def _require_answer_to(begun: BegunLogin, states: Sequence[str], *, state_required: bool) -> None:
    if begun.is_answered or time.monotonic() > begun.ends_at:
        raise ForeignRedirectError("the login is over", next_step="Start again.")
    if not states and not state_required:
        return
    if not states:
        raise ForeignRedirectError(
            "the redirect has no `state`: any page can send such a one", next_step="Start again."
        )
    # Compared as bytes, in constant time: how long it takes tells nothing of the right one.
    if len(states) != 1 or not hmac.compare_digest(states[0].encode(errors="replace"), begun.state.encode()):
        raise ForeignRedirectError("the redirect answers another login (state differs)", next_step="Start again.")


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

    def start(self, lifetime_seconds: float = 300.0) -> BegunLogin:
        """Begin a login. Its redirect counts once, and only within the lifetime."""
        state = str(generate_token(32))
        url = prepare_grant_uri(
            self.authorize_url, self.client_id, "code", redirect_uri=self.redirect_uri, scope=self.scope, state=state
        )
        return BegunLogin(str(url), state, time.monotonic() + lifetime_seconds)

    def code_from_redirect(self, redirected_url: str, begun: BegunLogin, *, state_required: bool = True) -> str:
        """The code in the URL the browser was sent back to; the login is answered by it.

        Raises:
            ForeignRedirectError: it does not answer this login: no `state`, another one, or a second answer. The login
                waits on. With `state_required=False` an absent state passes, and then any page can answer.
            PermanentError: it does, and consent was refused or no code came.
        """
        query = parse_qs(urlsplit(redirected_url).query)
        _require_answer_to(begun, query.get("state", []), state_required=state_required)
        begun.is_answered = True
        if "error" in query:
            raise PermanentError(f"consent was not given: {query['error'][0]}", next_step="Log in again and agree.")
        codes = query.get("code", [])
        if len(codes) != 1:
            raise PermanentError(
                "the redirect holds no code, or several", next_step="Check the redirect URI in the app's settings."
            )
        return codes[0]

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
