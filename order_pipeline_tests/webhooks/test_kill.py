"""`kill -9` of the receiver's process in the middle of a stream: what was answered 200 is in the inbox, once."""

import asyncio
import collections
import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline_tests.webhooks.conftest import PATH, TOKEN

pytestmark = pytest.mark.costly

SERVE = """
import logging
from order_pipeline.settings import load_settings
from order_pipeline.webhooks.server import serve

logging.basicConfig(level=logging.INFO)
serve(load_settings())
"""


@contextlib.contextmanager
def receiver_process(data_dir):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "ORDER_PIPELINE_DATA_DIR": str(data_dir),
        "ORDER_PIPELINE_WEBHOOKS__PORT": str(port),
        "ORDER_PIPELINE_WEBHOOKS__SECRET_PATH_TOKEN": TOKEN,
    }
    log = (data_dir / "receiver.log").open("ab")
    process = subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stderr=log)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", process)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        log.close()


def _wait_until_ready(base_url, process):
    transport = httpx.HTTPTransport(retries=0)
    with httpx.Client(base_url=base_url, transport=transport) as client:
        while process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if client.get("/ready").status_code == 200:
                    return
    pytest.fail("the receiver did not start")


def body(number):
    return b'{"event_type":"new_order","order":{"code":"K-%d","created_at":"2026-03-01T10:00:00+02:00"}}' % number


async def stream_events(base_url, answered, enough, kill):
    """Eight senders post without a pause until the receiver is gone; it is killed after `enough` answers."""
    numbers = iter(range(1_000_000))

    async def sender(client):
        with contextlib.suppress(httpx.TransportError):
            for number in numbers:
                answer = await client.post(PATH, content=body(number))
                if answer.status_code == 200:
                    answered.append(number)
                if len(answered) == enough:
                    kill()

    async with httpx.AsyncClient(base_url=base_url) as client:
        await asyncio.gather(*(sender(client) for _ in range(8)))


def test_every_event_answered_200_survives_kill_9_once(tmp_path):
    answered = []
    for enough in (150, 300):
        with receiver_process(tmp_path) as (process, base_url):
            asyncio.run(stream_events(base_url, answered, enough, lambda: process.send_signal(signal.SIGKILL)))
            assert process.wait() == -signal.SIGKILL

    store = OperationsStore(f"sqlite:///{tmp_path / 'operations.sqlite'}")
    with store.reading() as connection:
        stored = collections.Counter(connection.execute(inbox.webhook_inbox.select()).scalars("content_sha256"))
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    assert len(answered) >= 300
    assert {hashlib.sha256(body(number)).hexdigest() for number in answered} <= set(stored)
    assert set(stored.values()) == {1}


def test_sigterm_ends_the_process_in_order_and_the_log_has_no_token(tmp_path):
    with receiver_process(tmp_path) as (process, base_url):
        assert httpx.post(base_url + PATH, content=body(1)).status_code == 200
        assert httpx.post(base_url + PATH + "x", content=body(1)).status_code == 404
        process.terminate()
        process.wait(timeout=20)

    log = (tmp_path / "receiver.log").read_text()
    assert "wrong token" in log
    assert TOKEN not in log
