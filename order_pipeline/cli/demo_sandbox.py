"""The fakes as the demo and `ui` use them: a process on the world's own port, and the settings that lead there.

Belongs here: starting or finding it, what it is asked besides its APIs. Does not belong here: the fakes (`sandbox`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from order_pipeline.cli.demo_world import DemoWorld, Groups, free_port
from order_pipeline.sandbox.kibo import fake as kibo
from order_pipeline.sandbox.kibo import orders as kibo_orders
from order_pipeline.sandbox.scansource import fake as scansource
from order_pipeline.sandbox.scansource import gate as scansource_gate
from order_pipeline.sandbox.shared.process import SandboxProcess
from order_pipeline.settings import Settings
from order_pipeline.webhooks.server import build_server

STATE_DIRECTORY = "sandbox"
UNLIMITED: dict[str, Any] = {"requests_per_second": None, "max_in_flight": 8}
WEBHOOK_TOKEN = "the-demo-receives-on-loopback-only"  # noqa: S105  (opens nothing but the demo's own receiver, on loopback)
LONG_SECONDS = 300.0


class SandboxPortTakenError(RuntimeError):
    """Something else answers, or listens, on the port that this demo's payloads name."""


class RunningSandbox:
    """What the demo asks of the fakes, besides their APIs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def settings_groups(self, world: DemoWorld) -> Groups:
        """The settings, by group, that point every API at the sandbox: no host stays a live one."""
        return {
            "kibo": {
                "enabled": True,
                "base_url": f"{self.url}/kibo/api/v2",
                "token_url": f"{self.url}/kibo/oauthserver/oauth2/token",
                "api_key": kibo.API_KEY,
                "api_secret": kibo.API_SECRET,
                "manufacturer_ids": [str(number) for number in kibo_orders.MANUFACTURERS],
                "extra_headers": {},
                "rate": UNLIMITED,
            },
            "scansource": {
                "enabled": True,
                "preset": "sandbox",
                "generation": "current",
                "base_url": f"{self.url}/scansource",
                "token_url": f"{self.url}/scansource/login/oauth2/v2.0/token",
                "scope": scansource_gate.SCOPE,
                "client_id": scansource_gate.CLIENT_ID,
                "client_secret": scansource_gate.CLIENT_SECRET,
                "subscription_key": scansource_gate.SUBSCRIPTION_KEY,
                "customer_numbers": [scansource.CUSTOMER_NUMBER],
                "paths": {},
                "rate": UNLIMITED,
            },
            "skroutz": {
                "enabled": True,
                "base_url": f"{self.url}/skroutz",
                "token": self._asked("POST", "/control/skroutz/token")["token"],
                "account": "demo",
                "reread_most_orders": 100_000,
                "rate": UNLIMITED,
            },
            "webhooks": {
                "host": "127.0.0.1",
                "port": free_port(),
                "secret_path_token": WEBHOOK_TOKEN,
                "allowed_sources": [],
                "trusted_proxies": [],
            },
            "scanorders": {
                "base_url": f"{self.url}/scanorders",
                "branch": "",
                "access_token": self._asked("POST", "/control/scanorders/token")["access_token"],
                "send": True,
                "allowed_order_numbers": None,
                "rate": UNLIMITED,
            },
            "schedule": {"first_day": world.window.start.isoformat()},
        }

    def deliver_webhooks(self, settings: Settings) -> int:
        """Let the Skroutz fake send its webhooks, over HTTP, to our receiver; how many it delivered."""
        url = f"http://{settings.webhooks.host}:{settings.webhooks.port}/webhooks/skroutz/{WEBHOOK_TOKEN}"
        with running_receiver(settings):
            return int(self._asked("POST", "/control/skroutz/webhooks", {"url": url})["delivered"])

    def accepted_payloads(self) -> list[dict[str, Any]]:
        """The parameters of every `neworders` call that the fake ever accepted, in order: its own count."""
        return [fulfilment["values"] for fulfilment in self._asked("GET", "/control/ledger/scanorders")["fulfilments"]]

    def _asked(self, method: str, path: str, content: Any = None) -> dict[str, Any]:
        answer = httpx.request(method, f"{self.url}{path}", json=content, timeout=LONG_SECONDS)
        return answer.raise_for_status().json()


@contextmanager
def running_sandbox(world: DemoWorld, data_dir: Path) -> Iterator[RunningSandbox]:
    """The fakes of this world: those that run already, else a process of our own that ends with the block.

    What the picking app accepted is kept in the data directory, as the real one would keep it.

    Raises:
        SandboxPortTakenError: the world's port serves something else.
    """
    url = f"http://127.0.0.1:{world.port}"
    if _serves(url, world):
        yield RunningSandbox(url)
        return
    process = SandboxProcess(
        seed=world.seed,
        orders=world.orders,
        orders_by_channel=world.orders_by_channel,
        days=world.days,
        today=world.today.isoformat(),
        port=world.port,
        state_directory=str((data_dir / STATE_DIRECTORY).resolve()),
    )
    try:
        process.__enter__()
    except RuntimeError as error:
        message = f"The fakes could not start on port {world.port}: {error}"
        raise SandboxPortTakenError(message) from error
    try:
        yield RunningSandbox(process.url)
    finally:
        process.__exit__(None, None, None)


def _serves(url: str, world: DemoWorld) -> bool:
    """Whether a sandbox of this very world answers there."""
    try:
        there = httpx.get(f"{url}/control/", timeout=2).raise_for_status().json()
        return (there["seed"], there["orders_per_day"], there["days"]) == (world.seed, world.orders, world.days)
    except (httpx.HTTPError, ValueError, KeyError):
        return False


@contextmanager
def running_receiver(settings: Settings) -> Iterator[None]:
    """Our webhook receiver in a thread, until the end of the block."""
    server = build_server(settings)
    thread = threading.Thread(target=server.run, name="webhooks", daemon=True)
    thread.start()
    address = f"http://{settings.webhooks.host}:{settings.webhooks.port}/ready"
    transport = httpx.HTTPTransport(retries=20)  # connections are retried with growing waits until it listens
    with httpx.Client(transport=transport, timeout=30) as client:
        client.get(address).raise_for_status()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
