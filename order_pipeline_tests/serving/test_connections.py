"""Who sends half a request keeps nobody else out of a server."""

import resource
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from order_pipeline.serving.connections import ConnectionLimits, descriptors_to_spare, limited_protocol
from order_pipeline_tests.shared_demo import PROJECT
from order_pipeline_tests.waiting import wait_until

HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: "


async def echo(socket):
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


def application():
    async def answer(request):
        return PlainTextResponse(str(len(await request.body())))

    return Starlette(routes=[Route("/", answer, methods=["GET", "POST"]), WebSocketRoute("/socket", echo)])


@contextmanager
def served(**limits):
    """The port of a server within these limits."""
    config = uvicorn.Config(
        application(), port=0, log_level="critical", http=limited_protocol(ConnectionLimits(**limits))
    )
    server = uvicorn.Server(config)
    bound = config.bind_socket()
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


def half_open(stack, port, number, data=HALF):
    made = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20)) for _ in range(number)]
    for each in made:
        each.sendall(data)
    return made


def is_ended(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def get(port):
    return httpx.get(f"http://127.0.0.1:{port}/", timeout=10, trust_env=False).status_code


@pytest.mark.parametrize("data", [b"", HALF])
def test_headers_that_do_not_end_in_time_end_the_connection(data):
    with served(header_seconds=0.1) as port, ExitStack() as stack:
        (connection,) = half_open(stack, port, 1, data)
        while not is_ended(connection):
            pass


@pytest.mark.costly
def test_one_byte_after_the_other_does_not_gain_time():
    with served(header_seconds=0.3) as port, ExitStack() as stack:
        (connection,) = half_open(stack, port, 1)
        connection.settimeout(0.02)

        def is_ended_meanwhile():
            try:
                connection.sendall(b"x")
                return connection.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        wait_until(is_ended_meanwhile)


@pytest.mark.parametrize("limits", [{"most": 5}, {"most_of_one_address": 5}])
def test_a_newcomer_takes_the_place_of_the_oldest_that_asks_for_nothing(limits):
    with served(**limits) as port, ExitStack() as stack:
        waiting = half_open(stack, port, 5)
        assert get(port) == 200
        assert is_ended(waiting[0])
        assert get(port) == 200, "the place of the one before is free again"


def test_a_connection_that_a_proxy_keeps_goes_after_those_that_never_asked():
    with served(most=3) as port, ExitStack() as stack, httpx.Client(trust_env=False) as kept:
        assert kept.get(f"http://127.0.0.1:{port}/").status_code == 200
        half_open(stack, port, 2)
        assert get(port) == 200
        transport = kept.get(f"http://127.0.0.1:{port}/").extensions["network_stream"]
        assert transport.get_extra_info("is_readable") is False


def test_while_all_are_being_answered_a_newcomer_is_turned_away():
    with served(most=2) as port, ExitStack() as stack:
        half_open(stack, port, 2, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
        with pytest.raises(httpx.TransportError):
            wait_until(lambda: get(port) != 200)


def test_a_proxy_has_no_limit_of_its_own():
    with served(most_of_one_address=1, is_proxy=lambda address: address == "127.0.0.1") as port, ExitStack() as stack:
        first, *_ = half_open(stack, port, 3)
        assert get(port) == 200
        first.sendall(b"x\r\n\r\n")
        assert first.recv(12) == b"HTTP/1.1 200"


@pytest.mark.costly
def test_a_request_whose_body_takes_long_is_not_cut_by_the_time_for_headers():
    with served(header_seconds=0.1) as port, ExitStack() as stack:
        (connection,) = half_open(stack, port, 1, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
        connection.settimeout(0.4)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.sendall(b"b")
        assert connection.recv(12) == b"HTTP/1.1 200"


@pytest.mark.costly
def test_a_websocket_lives_longer_than_the_time_for_headers_and_takes_no_place():
    from websockets.sync.client import connect

    with (
        served(header_seconds=0.2, most=1) as port,
        connect(f"ws://127.0.0.1:{port}/socket", proxy=None) as open_socket,
    ):
        with pytest.raises(TimeoutError):
            open_socket.recv(timeout=0.4)
        assert get(port) == 200
        open_socket.send("still here")
        assert open_socket.recv(timeout=20) == "still here"


FEW = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from order_pipeline_tests.serving.test_connections import ExitStack, get, half_open, served
with served() as port:
    print(port, flush=True)
    sys.stdin.read()
"""


@pytest.mark.costly
def test_at_a_small_limit_of_descriptors_half_requests_keep_nobody_out():
    with (
        subprocess.Popen(
            [sys.executable, "-c", FEW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT
        ) as server,
        ExitStack() as stack,
    ):
        assert server.stdin
        assert server.stdout
        port = int(server.stdout.readline())
        half_open(stack, port, 200)
        assert [get(port) for _ in range(5)] == [200] * 5
        server.stdin.close()


def test_the_process_keeps_descriptors_for_its_stores():
    spare = descriptors_to_spare()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard
    assert 0 < spare < hard
