"""A shop's webhook address, for the tests of what the fake sends."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Listener:
    """A shop's webhook address that answers a scripted status and keeps what came."""

    def __init__(self, statuses=(200,)):
        received, script = [], list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                received.append((dict(self.headers), body))
                self.send_response(script[min(len(received), len(script)) - 1])
                self.end_headers()

            def log_message(self, format, *args):  # noqa: A002
                pass

        self.received = received
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def bodies(self):
        return [json.loads(body) for _, body in self.received]
