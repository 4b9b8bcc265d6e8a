"""Who asks: a bearer token beside the subscription key (current generation), or the key alone (legacy).

Belongs here: the rule that a refused key never costs a new token (apis/scansource.md section 9).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
from pydantic import SecretStr

from order_pipeline.channels.scansource.errors import KEY_REFUSED
from order_pipeline.channels.scansource.operations import HOSTS, Host
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.http.auth import ClientCredentials
from order_pipeline.http.errors import NotConfigured

KEY_HEADER = "Ocp-Apim-Subscription-Key"


class TokenBesideKey(ClientCredentials):
    """Client credentials that renew the token after a 401 about the token, never after one about the key."""

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """As the base class, but a refused key ends the flow."""
        flow = super().async_auth_flow(request)
        try:
            response = yield await anext(flow)
            if response.status_code == 401 and KEY_REFUSED in (await response.aread()).lower():
                return
            try:
                yield await flow.asend(response)
            except StopAsyncIteration:
                return
        finally:
            await flow.aclose()


def host_for(settings: ScanSourceSettings) -> Host:
    """Base URL, token URL and scope: the preset's, each replaced by its own setting when that is set."""
    preset = HOSTS[settings.generation, settings.preset]
    return Host(
        settings.base_url or preset.base_url,
        settings.token_url or preset.token_url,
        settings.scope or preset.scope,
    )


def authentication_for(settings: ScanSourceSettings) -> tuple[httpx.Auth | None, dict[str, str]]:
    """The auth object and the key header for the chosen generation.

    Raises:
        NotConfigured: naming the first variable that is missing.
    """
    headers = {KEY_HEADER: _secret(settings.subscription_key, "SUBSCRIPTION_KEY")}
    if settings.generation == "legacy":
        return None, headers
    host = host_for(settings)
    if host.token_url is None:
        raise NotConfigured("ORDER_PIPELINE_SCANSOURCE__TOKEN_URL is not set")
    credentials = TokenBesideKey(
        host.token_url,
        _secret(settings.client_id, "CLIENT_ID"),
        _secret(settings.client_secret, "CLIENT_SECRET"),
        style="form",
        scope=host.scope,
    )
    return credentials, headers


def _secret(value: SecretStr | None, name: str) -> str:
    if value is None or not value.get_secret_value():
        raise NotConfigured(
            f"ORDER_PIPELINE_SCANSOURCE__{name} is not set; without it ScanSource refuses every call. "
            "Set it, or ORDER_PIPELINE_SCANSOURCE__ENABLED=false."
        )
    return value.get_secret_value()
