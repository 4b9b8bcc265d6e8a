"""Who asks, and what they may: by a session of our login, by a token in a header, by the name that a proxy gives."""

from __future__ import annotations

import enum
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from pydantic import SecretStr
from starlette.requests import HTTPConnection

from order_pipeline.ui_settings import UiSettings
from order_pipeline.webhooks.source_addresses import SourcePolicy, networks

SESSION_COOKIE = "order_pipeline_session"
MOST_SESSIONS = 1000


class Role(enum.StrEnum):
    """What a visitor may do."""

    EDITOR = "editor"
    VIEWER = "viewer"


class Sessions:
    """The logins of this process: random names, so a restart ends all of them. Only hashes of the names are held."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._now = now
        self._known: dict[bytes, tuple[Role, float]] = {}

    def begin(self, role: Role) -> str:
        """A new session's name, for its cookie; beyond `MOST_SESSIONS` the oldest one ends."""
        name = secrets.token_urlsafe(32)
        self._known[_hash(name)] = (role, self._now() + self.seconds)
        while len(self._known) > MOST_SESSIONS:
            self._known.pop(next(iter(self._known)))
        return name

    def role_of(self, name: str) -> Role | None:
        """The role of a session that has begun and not ended."""
        role, ends_at = self._known.get(_hash(name), (None, 0.0))
        if role is not None and ends_at <= self._now():
            self.end(name)
            return None
        return role

    def end(self, name: str) -> None:
        """End a session, if there is one of that name."""
        self._known.pop(_hash(name), None)


class Visitors:
    """Decides the role of each request, by the settings."""

    def __init__(self, settings: UiSettings) -> None:
        self._settings = settings
        self._proxies = SourcePolicy(trusted_proxies=networks(settings.trusted_proxies, {}))
        self.sessions = Sessions(settings.session_hours * 3600)

    @property
    def has_token_login(self) -> bool:
        """Whether the login page helps somebody."""
        return self._settings.token is not None or self._settings.viewer_token is not None

    def role_of(self, connection: HTTPConnection) -> Role | None:
        """What the sender may do; None: they must log in first."""
        role = self._named_role(connection) if self._settings.has_login else Role.EDITOR
        return Role.VIEWER if role is not None and self._settings.read_only else role

    def role_of_token(self, token: str) -> Role | None:
        """Whose login the token is. Both are compared, whatever comes out of the first one."""
        is_editor, is_viewer = _equals(token, self._settings.token), _equals(token, self._settings.viewer_token)
        return Role.EDITOR if is_editor else Role.VIEWER if is_viewer else None

    def role_of_bearer(self, connection: HTTPConnection) -> Role | None:
        """Whose token stands in the `Authorization` header. No page of another site can write that header."""
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        return self.role_of_token(token.strip()) if kind.lower() == "bearer" else None

    def _named_role(self, connection: HTTPConnection) -> Role | None:
        by_session = self.sessions.role_of(connection.cookies.get(SESSION_COOKIE, ""))
        return self._role_by_proxy(connection) or by_session or self.role_of_bearer(connection)

    def _role_by_proxy(self, connection: HTTPConnection) -> Role | None:
        header, editors = self._settings.user_header, self._settings.editors
        peer = connection.client.host if connection.client else ""
        if header is None or not self._proxies.is_proxy(peer):
            return None
        users = connection.headers.getlist(header)
        if len(users) != 1 or not users[0].strip():
            return None
        return Role.EDITOR if editors is None or users[0].strip() in editors else Role.VIEWER


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="replace")).digest()


def _equals(token: str, wanted: SecretStr | None) -> bool:
    return wanted is not None and hmac.compare_digest(
        token.encode(errors="replace"), wanted.get_secret_value().encode()
    )
