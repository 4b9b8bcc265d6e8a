"""Where a request comes from: is the host ours, and is it our own page that asks?

A page of any other site can make a visitor's browser send requests to loopback, too. It cannot choose the headers that
the browser writes itself (`Host`, `Origin`, `Sec-Fetch-Site`), so these tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from order_pipeline.http.environment import is_loopback

_DEFAULT_PORTS = {"http": 80, "https": 443}
_EVERY_ADDRESS = {"0.0.0.0", "::", ""}  # noqa: S104 - named in order to leave them out


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The names under which we answer. A foreign name that leads here is DNS rebinding, or a wrong setting.

    Attributes:
        names: lower case, without port, beside those of loopback.
        addresses: any IP address is a name, too. No foreign page can be loaded from our own address.
    """

    names: frozenset[str]
    addresses: bool = False

    @staticmethod
    def of(names: Iterable[str], *, addresses: bool = False) -> AllowedHosts:
        """From names as settings have them; an address that stands for all addresses is none."""
        cleaned = {name.strip().strip("[]").rstrip(".").lower() for name in names}
        return AllowedHosts(frozenset(cleaned - _EVERY_ADDRESS), addresses)

    def let_in(self, headers: Headers) -> bool:
        """Whether the request's one `Host` header names us."""
        given = headers.getlist("host")
        if len(given) != 1 or (found := _host_and_port(given[0])) is None:
            return False
        host = found[0]
        shown = f"[{host}]" if ":" in host else host
        return host in self.names or is_loopback(f"http://{shown}") or (self.addresses and _is_address(host))


def names_an_origin(headers: Headers) -> bool:
    """Whether a browser sent it, or somebody who says where it comes from."""
    return any(name in headers for name in ("origin", "referer", "sec-fetch-site"))


def is_same_origin(headers: Headers, *, is_websocket: bool = False) -> bool:
    """Whether a page of our own sent the request; without a word about it: no.

    The host must be allowed already. Behind a proxy we do not see whether the browser spoke TLS, so the scheme is left
    to `Sec-Fetch-Site`; of a WebSocket that header is left out, because browsers disagree about it.
    """
    sites = [] if is_websocket else headers.getlist("sec-fetch-site")
    if any(site != "same-origin" for site in sites):
        return False
    origins = headers.getlist("origin") or headers.getlist("referer")
    if not origins:
        return bool(sites)
    return all(_is_of_host(origin, headers["host"]) for origin in origins)


def is_foreign_subresource(headers: Headers) -> bool:
    """Whether a page of another site loads this as an image, a script, a frame or by fetch. A followed link is not."""
    if headers.get("sec-fetch-site", "none") in {"same-origin", "none"}:
        return "origin" in headers and not is_same_origin(headers)
    return headers.get("sec-fetch-mode") != "navigate" or headers.get("sec-fetch-dest") != "document"


def is_followed_from_elsewhere(headers: Headers) -> bool:
    """Whether a person followed a link of another site: the browser leaves a SameSite=Strict cookie out."""
    return headers.get("sec-fetch-site", "none") in {"cross-site", "same-site"}


def _is_of_host(origin: str, host_header: str) -> bool:
    try:
        parsed = urlsplit(origin)
        asked, given = _host_and_port(host_header), _host_and_port(parsed.netloc)
    except ValueError:
        return False
    default = _DEFAULT_PORTS.get(parsed.scheme)
    if default is None or asked is None or given is None:
        return False
    return (asked[0], asked[1] or default) == (given[0], given[1] or default)


def _host_and_port(text: str) -> tuple[str, int | None] | None:
    """The parts of `host:port` in lower case; None for anything else."""
    try:
        parsed = urlsplit(f"//{text}")
        host, port = parsed.hostname, parsed.port
    except ValueError:
        return None
    if not host or "@" in text or parsed.netloc != text or parsed.path or parsed.query or parsed.fragment:
        return None
    return host.rstrip("."), port


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
