"""`scanorders login`: a person consents in the browser, the redirect comes back to this machine, the token is stored.

The contract is docs/apis/scanorders.md section 4: an authorization code, and no refresh token.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from order_pipeline.destinations.demo_guard import refuse_demo_orders
from order_pipeline.destinations.login_redirect import wait_for_code
from order_pipeline.destinations.scanorders_token import StoredToken, save_token
from order_pipeline.destinations.settings import PipelineSettings, setting_of
from order_pipeline.floors import MAIN
from order_pipeline.http.environment import is_loopback
from order_pipeline.http.errors import NotConfigured
from order_pipeline.http.oauth2 import AuthorizationCode

LOGIN_TIMEOUT_SECONDS = 300.0


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
        LoginTimeoutError: nobody came back with an answer to this login.
        PermanentError, NotSent: consent or exchange failed (`http.oauth2`).
    """
    refuse_demo_orders(settings)
    flow = _flow(settings, floor)
    begun = flow.start(timeout_seconds)
    state_required = not settings.floor_settings[floor].login_without_state
    code = await wait_for_code(flow, begun, lambda: show_url(begun.url), timeout_seconds, state_required=state_required)
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
