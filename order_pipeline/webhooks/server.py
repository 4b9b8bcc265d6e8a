"""The receiver as a process: uvicorn on the configured address, until SIGINT or SIGTERM.

There is no access log, because it would hold the secret path. Open requests are answered and queued events stored
before the process ends.
"""

from __future__ import annotations

import logging

import uvicorn

from order_pipeline.channels.registry import webhooks
from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline.serving.connections import BACKLOG, ConnectionLimits, limited_protocol
from order_pipeline.settings import Settings, WebhookSettings
from order_pipeline.webhooks.receiver import build_app
from order_pipeline.webhooks.source_addresses import SourcePolicy, networks

_WAIT_FOR_LOCK_SECONDS = 1.0  # within the two seconds that a sender waits
_FINISH_WITHIN_SECONDS = 10
_KEEP_IDLE_SECONDS = 75  # longer than a proxy in front keeps one (60 s, mostly): no webhook meets a closing connection


def build_server(settings: Settings) -> uvicorn.Server:
    """The server, ready to run; the caller decides in which thread.

    Raises:
        ReceiverConfigurationError: see `receiver.build_app`.
    """
    store = OperationsStore(settings.resolved_operations_url)
    inbox.fail_fast(store, _WAIT_FOR_LOCK_SECONDS)
    app = build_app(settings.webhooks, store)
    config = uvicorn.Config(
        app,
        host=settings.webhooks.host,
        port=settings.webhooks.port,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `source_addresses` decides whom to believe
        log_config=None,
        http=limited_protocol(_limits(settings.webhooks)),
        backlog=BACKLOG,
        log_level=logging.WARNING,
        timeout_graceful_shutdown=_FINISH_WITHIN_SECONDS,
        timeout_keep_alive=_KEEP_IDLE_SECONDS,
    )
    return uvicorn.Server(config)


def _limits(settings: WebhookSettings) -> ConnectionLimits:
    presets = {name: webhook.networks for name, webhook in webhooks().items()}
    policy = SourcePolicy(trusted_proxies=networks(settings.trusted_proxies, presets))
    return ConnectionLimits(
        most=settings.max_connections,
        most_of_one_address=settings.max_connections_of_address,
        header_seconds=settings.header_seconds,
        is_proxy=policy.is_proxy,
    )


def serve(settings: Settings) -> None:
    """Receive webhooks until the process is told to stop."""
    server = build_server(settings)
    where = f"http://{settings.webhooks.host}:{settings.webhooks.port}"
    logging.getLogger(__name__).info("receiving at %s/webhooks/<channel>/<token>; ready: %s/ready", where, where)
    server.run()
