"""Tokens as the fakes issue and check them: lives, revocation, single-use codes, the headers they travel in.

Each channel has a desk of its own, and says itself what a refusal looks like.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass, field

from order_pipeline.sandbox.shared.clock import SandboxClock


class TokenRefusedError(Exception):
    """A token is refused: `reason` is `missing`, `unknown`, `expired` or `revoked`."""

    def __init__(self, reason: str, token: str = "") -> None:
        super().__init__(f"token {reason}")
        self.reason = reason
        self.token = token


@dataclass(frozen=True, slots=True)
class Token:
    """An issued token; `expires_at` is a reading of `SandboxClock.elapsed`."""

    value: str
    subject: str
    expires_at: float


@dataclass(slots=True)
class TokenDesk:
    """Issues tokens for `life_seconds` and tells good ones from bad ones. Counts what it issued."""

    clock: SandboxClock
    prefix: str
    life_seconds: float = 3600.0
    issued: int = 0
    _tokens: dict[str, Token] = field(default_factory=dict[str, Token])
    _revoked: set[str] = field(default_factory=set[str])

    def issue(self, subject: str, life_seconds: float | None = None) -> Token:
        """A new token for `subject`, living `life_seconds` (None: the desk's)."""
        life = self.life_seconds if life_seconds is None else life_seconds
        token = Token(f"{self.prefix}-{secrets.token_hex(16)}", subject, self.clock.elapsed() + life)
        self._tokens[token.value] = token
        self.issued += 1
        return token

    def check(self, value: str | None) -> Token:
        """The token behind `value`.

        Raises:
            TokenRefusedError: if it is missing, never issued, revoked or too old.
        """
        if not value:
            raise TokenRefusedError("missing")
        token = self._tokens.get(value)
        if token is None:
            raise TokenRefusedError("unknown", value)
        if value in self._revoked:
            raise TokenRefusedError("revoked", value)
        if self.clock.elapsed() >= token.expires_at:
            raise TokenRefusedError("expired", value)
        return token

    def revoke_of(self, subject: str) -> None:
        """Make every token issued so far for `subject` worthless."""
        self._revoked.update(value for value, token in self._tokens.items() if token.subject == subject)

    def revoke_all(self) -> int:
        """Make every token issued so far worthless; returns how many there were."""
        self._revoked.update(self._tokens)
        return len(self._tokens)


@dataclass(slots=True)
class CodeDesk:
    """Authorization codes: single-use, bound to client and redirect address, living `life_seconds`."""

    clock: SandboxClock
    life_seconds: float = 600.0
    _codes: dict[str, tuple[str, str, float]] = field(default_factory=dict[str, tuple[str, str, float]])

    def issue(self, client_id: str, redirect_uri: str) -> str:
        """A new code for this client and this redirect address."""
        code = secrets.token_hex(12)
        self._codes[code] = (client_id, redirect_uri, self.clock.elapsed() + self.life_seconds)
        return code

    def redeem(self, code: str, client_id: str, redirect_uri: str) -> bool:
        """True once for a fresh code with the client and address it was issued for; the code is used up either way."""
        issued = self._codes.pop(code, None)
        if issued is None:
            return False
        return issued[:2] == (client_id, redirect_uri) and self.clock.elapsed() < issued[2]


def bearer_of(authorization: str | None) -> str | None:
    """The token of an `Authorization: Bearer ...` header; None for anything else."""
    scheme, _, value = (authorization or "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None


def basic_of(authorization: str | None) -> tuple[str, str] | None:
    """User and password of an `Authorization: Basic ...` header; None for anything else."""
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, separator, password = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if separator else None
