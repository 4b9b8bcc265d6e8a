"""Which address a webhook came from, and whether it may.

The allow-list is a second lock behind the secret path, and off by default: a vendor that changes its addresses would be
locked out (docs/apis/skroutz.md section 7: three times within 2025).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.%\w]+)\](?::[0-9]{1,5})?")


def networks(ranges: Iterable[str], presets: Mapping[str, Sequence[str]]) -> tuple[Network, ...]:
    """The ranges as networks; the name of a preset stands for its ranges.

    Raises:
        ValueError: a range is neither a CIDR nor the name of a preset.
    """
    parts = [part for name in ranges for part in presets.get(name.strip().lower(), (name.strip(),))]
    return tuple(ip_network(part, strict=False) for part in parts)


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
        hops = [
            _without_port(hop.strip())
            for header in request.headers.getlist("x-forwarded-for")
            for hop in header.split(",")
        ]
        address = peer
        while hops and self.is_proxy(address):
            address = hops.pop()
        return address

    def is_proxy(self, address: str) -> bool:
        """Whether the address is a trusted proxy's."""
        return _is_in(address, self.trusted_proxies)

    def lets_in(self, address: str) -> bool:
        """Whether a webhook from this address is accepted; an unreadable address is not, once there is a list."""
        return not self.allowed or _is_in(address, self.allowed)


def _without_port(hop: str) -> str:
    """The address of a hop: some proxies write its port too, `1.2.3.4:5678` or `[::1]:5678`."""
    found = _WITH_PORT.fullmatch(hop)
    return next(filter(None, found.groups())) if found else hop


def _is_in(address: str, ranges: tuple[Network, ...]) -> bool:
    try:
        parsed: Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed.version == network.version and parsed in network for network in ranges)
