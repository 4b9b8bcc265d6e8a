"""The receiver's process as `webhooks serve` runs it: what its settings limit."""

import socket
import threading
from contextlib import contextmanager

import httpx
from pydantic import SecretStr

from order_pipeline.settings import Settings, WebhookSettings
from order_pipeline.webhooks.server import build_server
from order_pipeline_tests.waiting import wait_until
from order_pipeline_tests.webhooks.conftest import TOKEN


@contextmanager
def served(tmp_path, **limits):
    """The port of the receiver."""
    webhooks = WebhookSettings(secret_path_token=SecretStr(TOKEN), port=0, **limits)
    server = build_server(Settings(data_dir=tmp_path, webhooks=webhooks))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


def test_half_a_request_is_ended_and_keeps_no_webhook_out(tmp_path):
    with served(tmp_path, max_connections=2, header_seconds=0.2) as port:
        half = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(2)]
        for each in half:
            each.sendall(b"POST /webhooks/skroutz/")
        url = f"http://127.0.0.1:{port}/webhooks/skroutz/{TOKEN}"
        assert httpx.post(url, json={}, trust_env=False).status_code == 200
        for each in half:
            with each:
                assert each.recv(1) == b""
