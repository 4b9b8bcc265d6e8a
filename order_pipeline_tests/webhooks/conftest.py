"""A real receiver on loopback, over a real SQLite store in a temporary folder."""

import contextlib
import json
import threading

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline.settings import WebhookSettings
from order_pipeline.webhooks.receiver import build_app

TOKEN = "an-unguessable-part-of-the-path"
PATH = f"/webhooks/skroutz/{TOKEN}"


class Receiver:
    """A running receiver: its address, its store, and a client."""

    def __init__(self, base_url, store):
        self.base_url = base_url
        self.store = store
        self.client = httpx.Client(base_url=base_url, timeout=10)

    def post(self, body, path=PATH, **options):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(path, content=content, **options)

    def rows(self):
        with self.store.reading() as connection:
            return connection.execute(inbox.webhook_inbox.select()).mappings().all()


@contextlib.contextmanager
def run_receiver(store, **settings):
    app = build_app(WebhookSettings(secret_path_token=SecretStr(TOKEN), **settings), store)
    server = uvicorn.Server(uvicorn.Config(app, port=0, access_log=False, proxy_headers=False, log_config=None))
    socket = server.config.bind_socket()
    socket.listen()
    thread = threading.Thread(target=server.run, args=([socket],), daemon=True)
    thread.start()
    receiver = Receiver(f"http://127.0.0.1:{socket.getsockname()[1]}", store)
    try:
        receiver.client.get("/health")  # the socket listens already: answered once the server runs
        yield receiver
    finally:
        receiver.client.close()
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture
def store(tmp_path):
    store = OperationsStore(f"sqlite:///{tmp_path / 'operations.sqlite'}")
    inbox.fail_fast(store, 0.2)
    yield store
    store.close()


@pytest.fixture
def receiver(store):
    with run_receiver(store) as running:
        yield running


@pytest.fixture
def event():
    return {
        "event_type": "new_order",
        "event_time": "2026-03-01T10:00:00+02:00",
        "order": {"code": "260301-1234567", "state": "open", "created_at": "2026-03-01T01:30:00+02:00"},
    }
