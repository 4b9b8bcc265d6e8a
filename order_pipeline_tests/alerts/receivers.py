"""Real receivers on loopback: a webhook, a mail server, and a command that writes what it got to a file."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "pipeline", "p@ss/word"


class Webhook:
    """What came, and with which status it is answered from now on."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/services/T0/B0/hook-secret-1"
        self.status = 200
        self.received: list[Any] = []

    @property
    def texts(self) -> list[str]:
        return [each["text"] for each in self.received]


@contextmanager
def running_webhook() -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if webhook.status == 200:
                webhook.received.append(body)
            self.send_response(webhook.status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the library calls it
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    webhook = Webhook(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield webhook
    finally:
        server.shutdown()
        server.server_close()


class Mailbox:
    """The mails that a server with a login took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.url = ""

    async def handle_DATA(  # noqa: N802 - as the library calls it
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


@contextmanager
def running_mailbox(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """A mail server that wants a login, and STARTTLS before it where it has a certificate."""
    mailbox = Mailbox()

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        is_right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)

    with socket.socket() as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    controller = Controller(
        mailbox,
        host,
        port,
        authenticator=check,
        auth_required=True,
        auth_require_tls=tls is not None,
        require_starttls=tls is not None,
        tls_context=tls,
    )
    controller.start()
    mailbox.url = f"smtp://{USER}:p%40ss%2Fword@{host}:{port}"
    try:
        yield mailbox
    finally:
        controller.stop()


def certificate_for(host: str, file: Path) -> ssl.SSLContext:
    """The context of a server that signed its own certificate; the file has it for whoever shall trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file.write_bytes(
        certificate.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def writing_command(file: Path) -> str:
    """A command that appends its input and its kind to the file."""
    code = (
        "import os, sys; "
        "open(sys.argv[1], 'a').write(os.environ['ALERT_KIND'] + '|' + os.environ['ALERT_TITLE'] + '\\n'"
        " + sys.stdin.read() + ''.join(n for n in os.environ if n.startswith('ORDER_PIPELINE_')))"
    )
    return f'{sys.executable} -c "{code}" {file}'
