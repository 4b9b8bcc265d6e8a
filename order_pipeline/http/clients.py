"""httpx clients that know proxies and certificates from `environment`, and nothing else from the environment."""

from __future__ import annotations

from typing import Any

import httpx

from order_pipeline.http.environment import proxy_for, tls_context


def open_client(url: str, **options: Any) -> httpx.AsyncClient:
    """A client for calls to the host of a URL.

    Args:
        url: where the calls go; it decides whether a proxy is on the way.
        options: those of `httpx.AsyncClient`.

    Raises:
        WrongEnvironment: a variable like HTTPS_PROXY or SSL_CERT_FILE cannot be used.
    """
    proxy = proxy_for(url)
    context = tls_context(url)
    through = None
    if proxy is not None:
        through = httpx.Proxy(proxy.url, ssl_context=context if proxy.url.lower().startswith("https:") else None)
    return httpx.AsyncClient(verify=context, proxy=through, trust_env=False, **options)
