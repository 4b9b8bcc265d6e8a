"""The fake gateway in front of the fake ScanSource: token endpoint, both headers, rate limit and quota.

It answers before the backend sees a call (docs/apis/scansource.md sections 2 and 9), and refuses in the gateway's
order: key, quota, rate, token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from order_pipeline.sandbox.shared.clock import SandboxClock
from order_pipeline.sandbox.shared.oauth import TokenDesk, TokenRefusedError, bearer_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from order_pipeline.sandbox.scansource.switches import ScanSourceSwitches

CLIENT_ID = "sandbox-scansource-client"
CLIENT_SECRET = "sandbox-scansource-secret"  # noqa: S105 - opens nothing but this fake
SUBSCRIPTION_KEY = "sandbox-scansource-key"
SCOPE = "https://scansourceb2cqas.onmicrosoft.com/8e3cf5bd-9d8d-407d-b0ac-0fbe2a3dab68/.default"

MISSING_KEY = (
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API."
)
INVALID_KEY = (
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
)
INVALID_TOKEN = "Unauthorized! Access token is missing or invalid."  # noqa: S105 - a message


def refusal(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer in the gateway's form."""
    return JSONResponse({"statusCode": status, "message": message}, status_code=status, headers=headers)


class Gate:
    """Counts and checks calls. `switches` is read at every call, so that a switch acts at once."""

    def __init__(self, clock: SandboxClock, switches: Callable[[], ScanSourceSwitches]) -> None:
        self._clock = clock
        self._switches = switches
        self.tokens = TokenDesk(clock, "scansource")
        self.reset()

    def reset(self) -> None:
        """A fresh quota and no recent calls."""
        self._period_start = self._clock.elapsed()
        self._calls_in_period = 0
        self._second = 0
        self._calls_in_second = 0

    def refuse(self, request: Request, *, token_needed: bool) -> Response | None:
        """The gateway's refusal of this call, or None when it may pass."""
        key = request.headers.get("ocp-apim-subscription-key")
        if not key:
            return refusal(401, MISSING_KEY)
        if key != SUBSCRIPTION_KEY:
            return refusal(401, INVALID_KEY)
        limited = self._out_of_quota() or self._too_fast()
        if limited is not None or not token_needed:
            return limited
        try:
            self.tokens.check(bearer_of(request.headers.get("authorization")))
        except TokenRefusedError:
            return refusal(401, INVALID_TOKEN)
        return None

    def _out_of_quota(self) -> Response | None:
        switches = self._switches()
        now = self._clock.elapsed()
        if now - self._period_start >= switches.quota_period_seconds:
            self._period_start, self._calls_in_period = now, 0
        self._calls_in_period += 1
        if switches.quota_calls is None or self._calls_in_period <= switches.quota_calls:
            return None
        wait = max(1, int(self._period_start + switches.quota_period_seconds - now))
        text = f"{wait // 3600:02d}:{wait // 60 % 60:02d}:{wait % 60:02d}"
        message = f"Out of call volume quota. Quota will be replenished in {text}."
        return refusal(403, message, {"Retry-After": str(wait)})

    def _too_fast(self) -> Response | None:
        switches = self._switches()
        second = int(self._clock.elapsed())
        if second != self._second:
            self._second, self._calls_in_second = second, 0
        self._calls_in_second += 1
        if switches.requests_per_second is None or self._calls_in_second <= switches.requests_per_second:
            return None
        headers = {"Retry-After": "1"} if switches.retry_after_header else None
        return refusal(429, "Rate limit is exceeded. Try again in 1 seconds.", headers)

    async def issue_token(self, request: Request) -> Response:
        """POST to the token endpoint: form, client credentials, scope."""
        form: dict[str, Any] = dict(await request.form())
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", "AADSTS70003: The grant type is not supported.")
        if form.get("scope") != SCOPE:
            return _oauth_error(400, "invalid_scope", "AADSTS70011: The provided value for scope is not valid.")
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _oauth_error(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        lifetime = self._switches().token_lifetime_seconds
        token = self.tokens.issue(CLIENT_ID, lifetime)
        return JSONResponse({"token_type": "Bearer", "expires_in": lifetime, "access_token": token.value})


def _oauth_error(status: int, error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, status_code=status)
