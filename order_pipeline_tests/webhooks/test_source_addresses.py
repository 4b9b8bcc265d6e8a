"""Whose address counts, and which are let in."""

import pytest
from starlette.requests import Request

from order_pipeline.channels.registry import webhooks
from order_pipeline.webhooks.source_addresses import SourcePolicy, networks

PROXIES = ["10.0.0.0/8", "fd00::/8"]
PRESETS = {name: webhook.networks for name, webhook in webhooks().items()}


def request_from(peer, *forwarded):
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return Request({"type": "http", "client": (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("1.2.3.4", [], "1.2.3.4"),
        ("1.2.3.4", ["9.9.9.9"], "1.2.3.4"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["9.9.9.9"], "9.9.9.9"),
        ("10.0.0.1", ["6.6.6.6, 9.9.9.9"], "9.9.9.9"),
        ("10.0.0.1", ["9.9.9.9, 10.0.0.2"], "9.9.9.9"),
        ("10.0.0.1", ["6.6.6.6", "9.9.9.9"], "9.9.9.9"),
        ("fd00::1", ["2a03:e40::5"], "2a03:e40::5"),
        ("10.0.0.1", ["garbage"], "garbage"),
        ("10.0.0.1", ["1.2.3.4:5678"], "1.2.3.4"),
        ("10.0.0.1", ["1.2.3.4:5678, 10.0.0.2:99"], "1.2.3.4"),
        ("10.0.0.1", ["[::1]:5678"], "::1"),
        ("10.0.0.1", ["[2a03:e40::5]"], "2a03:e40::5"),
        ("10.0.0.1", ["2a03:e40::5"], "2a03:e40::5"),
        ("10.0.0.1", ["[fd00::2]:80", "9.9.9.9"], "9.9.9.9"),
        ("10.0.0.1", ["9.9.9.9:1, [fd00::2]:80"], "9.9.9.9"),
        ("10.0.0.1", ["1.2.3.4:port"], "1.2.3.4:port"),
        ("1.2.3.4", ["9.9.9.9:80"], "1.2.3.4"),
    ],
)
def test_only_trusted_hops_are_looked_through(peer, forwarded, address):
    policy = SourcePolicy(trusted_proxies=networks(PROXIES, {}))
    assert policy.client_address(request_from(peer, *forwarded)) == address


@pytest.mark.parametrize(
    ("address", "let_in"),
    [
        ("185.6.76.0", True),
        ("185.6.79.255", True),
        ("185.6.80.0", False),
        ("3.73.204.153", True),
        ("3.73.204.154", False),
        ("2a03:e40::1", True),
        ("2a03:e41::1", False),
        ("::ffff:185.6.76.1", True),
        ("garbage", False),
        ("", False),
    ],
)
def test_the_preset_is_the_vendors_list(address, let_in):
    assert SourcePolicy(allowed=networks(["skroutz"], PRESETS)).lets_in(address) is let_in


def test_without_a_list_everybody_is_let_in():
    assert SourcePolicy().lets_in("garbage")


@pytest.mark.costly
def test_presets_and_own_ranges_go_together():
    policy = SourcePolicy(allowed=networks(["Skroutz", "192.0.2.7"], PRESETS))
    assert policy.lets_in("192.0.2.7")
    assert policy.lets_in("185.6.76.1")
    assert not policy.lets_in("192.0.2.8")
