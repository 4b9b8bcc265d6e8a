"""What the environment says of the way to an API: proxies and certificate authorities, alike for httpx and aiohttp.

Both libraries read these variables too, each in its own way: one dies of an IPv6 address in NO_PROXY, the other knows
no networks, and neither names the variable in its error. So they are read here, and the libraries are told.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from order_pipeline.http.errors import NotConfigured
from order_pipeline.redaction.texts import MARK

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The first one that is set counts; none: the authorities that httpx brings."""
PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")

_DEFAULT_PORTS = {"http": 80, "https": 443}
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class WrongEnvironment(NotConfigured):
    """A variable that is no setting of ours keeps an API from being called; the message names it and what to do."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy of a call: its URL, which may hold a password, and the variable that names it."""

    url: str
    variable: str

    def __str__(self) -> str:
        """Safe to show."""
        return f"{self.variable}={without_user(self.url)}"

    __repr__ = __str__


def is_loopback(url: str) -> bool:
    """Whether a URL stays on this machine. Such a call needs no proxy and no compression."""
    host = _host_of(url)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return address is not None and address.is_loopback


def proxy_for(url: str) -> Proxy | None:
    """The proxy that the environment names for a URL; None: the call goes straight there, as it does on loopback.

    `<SCHEME>_PROXY` counts before `ALL_PROXY`, and a name in small letters before the same in capitals.

    Raises:
        WrongEnvironment: it names something that is no HTTP proxy.
    """
    if is_loopback(url) or _is_excepted(url):
        return None
    for name in (f"{urlsplit(url).scheme.upper()}_PROXY", "ALL_PROXY"):
        variable, value = read_variable(name)
        if value:
            return Proxy(checked_proxy(variable, value), variable)
    return None


def checked_proxy(variable: str, value: str) -> str:
    """The URL of the proxy that a variable names; `host:port` is one, too.

    Raises:
        WrongEnvironment: it is none, or one for another protocol than HTTP.
    """
    url = value if "://" in value else f"http://{value}"
    shown = f"{variable}={without_user(value)}"
    correct = f"Write {variable}=http://HOST:PORT or unset it; what needs no proxy stands in NO_PROXY."
    try:
        parts = urlsplit(url)
        is_one = bool(parts.hostname) and not re.search(r"[\s\\<>\x00-\x1f]", url) and parts.path in {"", "/"}
        is_one = is_one and not (parts.query or parts.fragment)
        is_one = is_one and parts.port != 0
    except ValueError:
        is_one = False
        parts = None
    scheme = url.partition("://")[0].lower()
    if scheme.startswith("socks"):
        raise WrongEnvironment(f"{shown} is a SOCKS proxy, and this program speaks HTTP with proxies. {correct}")
    if parts is None or not is_one or scheme not in _DEFAULT_PORTS:
        raise WrongEnvironment(f"{shown} is not the address of a proxy. {correct}")
    return url


def tls_context(url: str) -> ssl.SSLContext:
    """What the certificate of a URL's host is checked with; of a URL without TLS: a context that trusts nobody.

    Raises:
        WrongEnvironment: a variable names certificates that cannot be read.
    """
    proxy = proxy_for(url)
    uses_tls = urlsplit(url).scheme.lower() == "https" or (proxy and proxy.url.lower().startswith("https:"))
    return trusted_authorities() if uses_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def trusted_authorities() -> ssl.SSLContext:
    """A context that trusts the authorities of the first of `CERTIFICATE_VARIABLES` that is set.

    Raises:
        WrongEnvironment: what it names is not there, cannot be read, or holds no certificate.
    """
    for variable in CERTIFICATE_VARIABLES:
        if path := os.environ.get(variable):
            return _context_of(variable, path)
    return httpx.create_ssl_context(trust_env=False)


def _context_of(variable: str, path: str) -> ssl.SSLContext:
    is_directory = os.path.isdir(path)  # noqa: PTH112 - of a text that may be no path at all
    try:
        if not is_directory:
            with open(path, "rb"):  # noqa: PTH123 - OpenSSL's own error does not say what is wrong with the file
                pass
        return ssl.create_default_context(capath=path) if is_directory else ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:
        holds_none = isinstance(error, (ssl.SSLError, ValueError))
        reason = "it holds no certificate" if holds_none else os.strerror(error.errno or 0)
        raise WrongEnvironment(
            f"{variable}={path} names the certificates to trust, and cannot be used: {reason}. Correct the path, or "
            f"unset {variable}: the usual authorities are then trusted."
        ) from error


def read_variable(name: str) -> tuple[str, str]:
    """The variable as it is written in the environment, and its value; "" where it is not set."""
    for written in (name.lower(), name):
        if written in os.environ:
            return written, os.environ[written].strip()
    return name, ""


def odd_exceptions() -> list[str]:
    """The entries of NO_PROXY that are neither a host nor a network, so that they except nothing."""
    return [entry for entry in _exceptions() if "://" in entry or ("/" in entry and _network(entry) is None)]


def without_user(value: str) -> str:
    """A proxy's address without user, password, and anything in the port's place that may be one."""
    scheme, mark, rest = value.rpartition("://") if "://" in value else ("", "", value)
    scheme = re.sub(r"[^a-z0-9+.]", "", scheme.lower())
    _, at, after = rest.rpartition("@")
    shown = re.sub(r"(?<!\[)(?<!:):(?![\d:\]]+(?:[/?#]|$))[^/]*", f":{MARK}", after) if "[" not in after else after
    return f"{scheme}{mark}{MARK + at if at else ''}{shown}"


def _exceptions() -> list[str]:
    _, value = read_variable("NO_PROXY")
    return [entry for entry in re.split(r"[,\s]+", value.lower()) if entry]


def _is_excepted(url: str) -> bool:
    """Whether NO_PROXY names the host: by name, domain, address or network (CIDR), each with or without a port."""
    host, parts = _host_of(url), urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme.lower())
    address = _address(host)
    for entry in _exceptions():
        if entry == "*":
            return True
        if address is not None and (network := _network(entry)) is not None:
            if address in network:
                return True
            continue
        name, of_port = _split_port(entry)
        if of_port is not None and of_port != port:
            continue
        if address is not None:
            if address == _address(name):
                return True
        elif host == (domain := name.removeprefix("*").strip(".")) or (domain and host.endswith(f".{domain}")):
            return True
    return False


def _split_port(entry: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*):(\d+)", entry)
    return (found[1], int(found[2])) if found else (entry, None)


def _network(entry: str) -> _Network | None:
    try:
        return ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False) if "/" in entry else None
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _host_of(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".").lower()
