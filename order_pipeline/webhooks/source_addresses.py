"""Which address a webhook came from, and whether it may.

Belongs here: networks, presets, trusted proxies. The allow-list is off by default: the vendor changed its ranges three
times within 2025 and shops were cut off (apis/skroutz.md section 7); the secret path is the lock, this is a second one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PRESETS: dict[str, tuple[str, ...]] = {
    # https://developer.skroutz.gr/ip_ranges.json as of 2025-12-10
    "skroutz": (
        "185.6.76.0/22",
        "3.73.204.153/32",
        "3.72.204.195/32",
        "3.67.183.221/32",
        "63.34.193.172/32",
        "54.195.53.34/32",
        "108.129.50.199/32",
        "2a03:e40::/32",
    ),
}


def networks(ranges: Iterable[str]) -> tuple[Network, ...]:
    """The ranges as networks, presets spelled out.

    Raises:
        ValueError: a range is neither a CIDR nor the name of a preset.
    """
    spelled_out = [part for name in ranges for part in PRESETS.get(name.strip().lower(), (name.strip(),))]
    return tuple(ip_network(part, strict=False) for part in spelled_out)


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """Who is believed and who is let in. No allowed networks: everybody is let in."""

    allowed: tuple[Network, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()

    def client_address(self, request: Request) -> str:
        """The sender's address: the peer's own, or, behind trusted proxies, the last hop that is not one of them.

        `X-Forwarded-For` from anybody else is ignored, because everybody can write it.
        """
        peer = request.client.host if request.client else ""
        hops = [hop.strip() for header in request.headers.getlist("x-forwarded-for") for hop in header.split(",")]
        address = peer
        while hops and _is_in(address, self.trusted_proxies):
            address = hops.pop()
        return address

    def lets_in(self, address: str) -> bool:
        """Whether a webhook from this address is accepted; an unreadable address is not, once there is a list."""
        return not self.allowed or _is_in(address, self.allowed)


def _is_in(address: str, ranges: tuple[Network, ...]) -> bool:
    try:
        parsed: Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed.version == network.version and parsed in network for network in ranges)
