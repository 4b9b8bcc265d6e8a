"""Proxies and certificates of the environment: alike for both HTTP libraries, named when wrong, never on loopback."""

from __future__ import annotations

import os

import pytest

from order_pipeline.destinations.scanorders_answers import Outcome
from order_pipeline.destinations.scanorders_poster import PickPoster
from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.http.environment import (
    CERTIFICATE_VARIABLES,
    WrongEnvironment,
    is_loopback,
    proxy_for,
    trusted_authorities,
)
from order_pipeline.http.oauth2 import request_token
from order_pipeline.http.transport import Transport
from order_pipeline_tests.http.scripted_server import Answer, ScriptedServer, in_turn

NOBODY = "http://127.0.0.1:9"
PROXY = "http://proxy.example:3128"
FAR = "https://api.example.com/v1"


class OneToken:
    def current(self) -> str:
        return "token"

    async def renew(self, refused: str) -> bool:
        return False


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """No proxy and no certificates but those that the test sets."""
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name in CERTIFICATE_VARIABLES:
            monkeypatch.delenv(name)
    return lambda **variables: [monkeypatch.setenv(name, value) for name, value in variables.items()]


@pytest.mark.parametrize("entry", ["::1", "[::1]", "10.0.0.0/8", "[fe80::]/10", "*.corp, ,localhost", "a b,c", "10/99"])
def test_no_exception_of_a_proxy_stops_a_call(environment, entry):
    environment(HTTPS_PROXY=PROXY, NO_PROXY=entry)
    assert str(proxy_for(FAR)) == f"HTTPS_PROXY={PROXY}"
    Transport("far", FAR)


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://10.1.2.3/", "10.0.0.0/8"),
        ("https://[2001:db8::5]/", "2001:db8::/32"),
        ("https://[2001:db8::5]:8443/", "[2001:DB8:0::5]:8443"),
        ("https://api.example.com/", "x.org,.EXAMPLE.com"),
        ("https://api.example.com/", "*.example.com"),
        ("https://api.example.com/", "api.example.com:443"),
        ("https://api.example.com/", "*"),
    ],
)
def test_what_no_proxy_names_is_reached_directly(environment, url, entry):
    environment(HTTPS_PROXY=PROXY, NO_PROXY=entry)
    assert proxy_for(url) is None


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://notexample.com/", "example.com"),
        ("https://api.example.com:8443/", "api.example.com:443"),
        ("https://11.1.2.3/", "10.0.0.0/8"),
    ],
)
def test_what_no_proxy_does_not_name_is_proxied(environment, url, entry):
    environment(HTTPS_PROXY=PROXY, NO_PROXY=entry)
    assert proxy_for(url) is not None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks5://user:hunter2@proxy:1080"),
        ("all_proxy", "socks5h://proxy:1080"),
        ("HTTPS_PROXY", "http://user:hunter2@proxy:99999"),
        ("https_proxy", "http://user:hun@ter2/#x@proxy:80"),
        ("HTTPS_PROXY", "http://user:hunter2"),
        ("HTTPS_PROXY", "http://[::1"),
        ("HTTPS_PROXY", "http://"),
        ("HTTPS_PROXY", "htp:/proxy"),
        ("HTTPS_PROXY", "ftp://proxy:21"),
        ("HTTPS_PROXY", "http://pro xy:80"),
    ],
)
@pytest.mark.anyio
async def test_a_wrong_proxy_is_named_without_its_password(environment, variable, value):
    environment(**{variable: value})

    async def open_poster():
        async with PickPoster(ScanOrdersSettings(), OneToken()):
            pass

    async def open_transport():
        Transport("far", FAR)

    for begin in (open_poster, open_transport):
        with pytest.raises(WrongEnvironment, match=f"{variable}=") as caught:
            await begin()
        assert "hunter2" not in str(caught.value)
        assert "ter2" not in str(caught.value)
        assert "unset it" in str(caught.value)


@pytest.mark.parametrize("variable", CERTIFICATE_VARIABLES)
def test_certificates_that_are_not_there_are_named(environment, tmp_path, variable):
    no_certificate = tmp_path / "hosts"
    no_certificate.write_text("127.0.0.1 localhost\n")
    for path in (tmp_path / "missing.pem", no_certificate):
        environment(**{variable: str(path)})
        with pytest.raises(WrongEnvironment, match=f"{variable}={path}"):
            Transport("far", FAR)


def test_certificates_that_are_there_are_trusted(environment, tmp_path):
    environment(SSL_CERT_DIR=str(tmp_path))
    assert not trusted_authorities().get_ca_certs()


@pytest.mark.parametrize(
    "url", ["http://127.8.9.1", "http://localhost:80", "https://[::1]", "http://[::ffff:127.0.0.1]"]
)
def test_this_machine_is_loopback_in_every_spelling(url):
    assert is_loopback(url)


@pytest.mark.parametrize("url", ["http://127.example.com", "http://localhost.example.com", "http://10.0.0.1"])
def test_a_name_that_looks_like_loopback_is_none(url):
    assert not is_loopback(url)


@pytest.mark.anyio
async def test_loopback_is_never_proxied_whatever_the_environment(environment):
    environment(HTTP_PROXY=NOBODY, http_proxy=NOBODY, ALL_PROXY="socks5://x", SSL_CERT_FILE="/none", NO_PROXY="other")
    token = Answer(body=b'{"access_token":"t"}')
    async with ScriptedServer(in_turn(token)) as server:
        async with Transport("near", server.url) as transport:
            assert (await transport.request("GET", "/")).status == 200
        assert (await request_token(f"{server.url}/token", "client_credentials", "id", "secret")).access_token == "t"
        async with PickPoster(ScanOrdersSettings(base_url=server.url), OneToken()) as poster:
            assert (await poster.create("{}", lambda: True)).outcome is not Outcome.NOT_SENT
    assert len(server.received) == 3


@pytest.mark.anyio
async def test_both_libraries_go_through_the_proxy_that_is_named(environment):
    async with ScriptedServer(in_turn(Answer())) as proxy:
        environment(http_proxy=proxy.url)
        async with Transport("far", "http://api.example.com") as transport:
            await transport.request("GET", "/orders")
        async with PickPoster(ScanOrdersSettings(base_url="http://floor.example.com"), OneToken()) as poster:
            await poster.create("{}", lambda: True)
    assert [request.headers["host"] for request in proxy.received] == ["api.example.com", "floor.example.com"]


@pytest.mark.anyio
async def test_a_proxy_that_refuses_the_tunnel_leaves_no_doubt(environment):
    async with ScriptedServer(in_turn(Answer(status=407))) as proxy:
        environment(https_proxy=proxy.url)
        async with PickPoster(ScanOrdersSettings(base_url="https://floor.example.com"), OneToken()) as poster:
            answer = await poster.create("{}", lambda: True)
    assert answer.outcome is Outcome.NOT_SENT
