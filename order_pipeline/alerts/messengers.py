"""Who brings a message: a webhook, mail, a command, the log. Each is a small class over a library that is there anyway.

A messenger returns when the message was taken, and raises `NotDeliveredError` otherwise; it takes no longer than
`SECONDS`. docs/decisions/0031-alerts.md says why no larger library is used, and how one is plugged in by the command.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import smtplib
import ssl
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import httpx

from order_pipeline.alerts.message import Message
from order_pipeline.http.environment import is_loopback
from order_pipeline.settings import Settings
from order_pipeline.settings_names import PREFIX

LOG = logging.getLogger("order_pipeline.alerts")
LOG_FILE = "alerts.jsonl"
SECONDS = 10.0
COMMAND_SECONDS = 30.0


class NotDeliveredError(RuntimeError):
    """A messenger could not bring the message; the text says what was tried and what came back, without secrets."""


class Messenger(Protocol):
    """Brings one message at a time."""

    @property
    def name(self) -> str: ...  # noqa: D102

    def bring(self, message: Message) -> None:
        """Bring the message.

        Raises:
            NotDeliveredError: it was not taken.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class WebhookMessenger:
    """POSTs `{"text": ...}`, which Slack and everything that copies its incoming webhooks understands."""

    url: str
    name: str = "webhook"

    def bring(self, message: Message) -> None:
        """POST it; any 2xx is a success."""
        text = message.text
        for character, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(character, escaped)
        try:
            answer = httpx.post(self.url, json={"text": text}, timeout=SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # its text would repeat the URL, which is a secret
            raise NotDeliveredError(f"POST to the webhook: {type(error).__name__}") from None
        if not answer.is_success:
            raise NotDeliveredError(f"POST to the webhook: answered {answer.status_code}")


@dataclass(frozen=True, slots=True, repr=False)
class MailMessenger:
    """Sends a mail by SMTP: TLS from the start for `smtps://`, STARTTLS for `smtp://` where the server offers it.

    A password leaves this machine encrypted or not at all.
    """

    url: str
    sender: str
    recipients: tuple[str, ...]
    name: str = "mail"

    def bring(self, message: Message) -> None:
        """Send it to all recipients in one go."""
        address = urlsplit(self.url)
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = message.title, self.sender, ", ".join(self.recipients)
        mail.set_content(message.text)
        host, encrypted = address.hostname or "localhost", address.scheme == "smtps"
        try:
            with self._connect(host, address.port, encrypted=encrypted) as server:
                if not encrypted and server.has_extn("starttls"):
                    server.starttls(context=ssl.create_default_context())
                    encrypted = True
                if address.username:
                    if not encrypted and not is_loopback(self.url):
                        raise NotDeliveredError(f"mail by {host}: it offers no STARTTLS, so the password was not sent")
                    server.login(unquote(address.username), unquote(address.password or ""))
                server.send_message(mail)
        except (smtplib.SMTPException, OSError, ValueError, httpx.InvalidURL) as error:
            code = getattr(error, "smtp_code", "")
            raise NotDeliveredError(f"mail by {host}: {type(error).__name__} {code}".rstrip()) from None

    def _connect(self, host: str, port: int | None, *, encrypted: bool) -> smtplib.SMTP:
        if encrypted:
            return smtplib.SMTP_SSL(host, port or 465, timeout=SECONDS, context=ssl.create_default_context())
        server = smtplib.SMTP(host, port or 587, timeout=SECONDS)
        server.ehlo_or_helo_if_needed()
        return server


@dataclass(frozen=True, slots=True, repr=False)
class CommandMessenger:
    """Runs a command without a shell: the text on standard input, the parts as variables `ALERT_<PART>`."""

    command: str
    name: str = "command"

    def bring(self, message: Message) -> None:
        """Run it; exit code 0 is a success. What it prints is not kept."""
        parts = {f"ALERT_{name.upper()}": value for name, value in {**message.parts, "title": message.title}.items()}
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own command
                shlex.split(self.command),
                input=message.text.encode(),
                env={**_environment_without_settings(), **parts},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise NotDeliveredError(f"the command: {type(error).__name__}") from None
        if done.returncode:
            raise NotDeliveredError(f"the command ended with {done.returncode}")


def _environment_without_settings() -> dict[str, str]:
    """Settings hold secrets, and the command needs none of ours."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}


@dataclass(frozen=True, slots=True)
class LogMessenger:
    """Writes the message to the log, and as one JSON line to `alerts.jsonl` in the data directory."""

    data_dir: Path
    name: str = "log"

    def bring(self, message: Message) -> None:
        """Append it."""
        LOG.log(logging.INFO if message.parts["event"] == "closed" else logging.ERROR, "%s", message.text)
        line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **message.parts}
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with (self.data_dir / LOG_FILE).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise NotDeliveredError(f"{LOG_FILE}: {type(error).__name__}") from error


def messengers_of(settings: Settings) -> list[Messenger]:
    """Those that the settings name; the log is always one of them."""
    wanted = settings.alerts
    found: list[Messenger] = [LogMessenger(settings.data_dir)]
    if wanted.webhook_url is not None:
        found.append(WebhookMessenger(wanted.webhook_url.get_secret_value()))
    if wanted.smtp_url is not None and wanted.mail_to:
        found.append(MailMessenger(wanted.smtp_url.get_secret_value(), wanted.mail_from, tuple(wanted.mail_to)))
    if wanted.command:
        found.append(CommandMessenger(wanted.command))
    return found
