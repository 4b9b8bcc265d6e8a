"""`order-pipeline serve`: the webserver, the daemon and the webhook receiver, as a service runs them."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from filelock import FileLock, Timeout

from order_pipeline.cli.dagster_services import PYTHON, Level, dagster_services, without_proxy_on_loopback
from order_pipeline.cli.demo_world import remembered_world
from order_pipeline.cli.output import fail
from order_pipeline.cli.process_group import stop_signals_interrupt
from order_pipeline.cli.service_health import Watched, ask_daemons, ask_over_http, serving_health
from order_pipeline.cli.supervisor import Service, keep_running
from order_pipeline.http.environment import is_loopback
from order_pipeline.recovery.stores import StoresDisagreeError, require_agreement
from order_pipeline.settings import Settings, load_settings
from order_pipeline.ui.gate import ALIVE_PATH

if TYPE_CHECKING:
    from dagster import DagsterInstance

LOG = logging.getLogger("order_pipeline.serve")
LOCK_NAME = "serve.lock"


def serve(  # noqa: PLR0917 - a command's options
    host: Annotated[
        str, typer.Option(help="Address of the UI. Beyond loopback it needs a login (docs/security.md).")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the UI.")] = 3000,
    health_host: Annotated[str, typer.Option(help="Address of the health endpoint.")] = "127.0.0.1",
    health_port: Annotated[int, typer.Option(help="Port of the health endpoint, http://.../health.")] = 3001,
    webhooks: Annotated[bool, typer.Option(help="Also the webhook receiver, if a channel has webhooks.")] = True,  # noqa: FBT002
    log_level: Annotated[Level, typer.Option(help="What Dagster's services write.")] = "info",
) -> None:
    """Run the Dagster webserver, its daemon and the webhook receiver together, until it is told to stop.

    \b
    For systemd, a container or any other service manager: stays in the
    foreground, writes its log to stdout and stderr (JSON lines of Dagster
    where that is no terminal), ends with all its processes on SIGTERM,
    SIGINT or SIGHUP; runs under way are told to end, too, and are done
    again by their schedules. One service that dies is started again, and
    the log says which; one that dies 5 times within 10 minutes stops all.
    GET /health answers 200 when all of them do their work, else 503 with
    what is wrong.
    exit code   0: told to stop. 1: a service died too often, or the stores
                do not belong together. 2: a setting or an option is wrong.
    """  # noqa: D301
    from order_pipeline.orchestration.instance import create_storages, open_instance, prepare_dagster_home  # noqa: PLC0415

    settings = load_settings()
    logging.basicConfig(stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    LOG.setLevel(logging.INFO)
    _require_login(settings, host)
    addresses = {"UI": (host, port), "health endpoint": (health_host, health_port)}
    _require_startable(settings, addresses, webhooks=webhooks)
    with ExitStack() as stack:
        stack.enter_context(stop_signals_interrupt())
        stack.enter_context(_alone(settings))
        create_storages(settings)
        instance = stack.enter_context(open_instance(settings))
        services = [*_dagster_services(instance, host, port, log_level), *_receiver(settings, wanted=webhooks)]
        environment = dict(os.environ) | without_proxy_on_loopback(os.environ)
        environment["DAGSTER_HOME"] = str(prepare_dagster_home(settings))
        stack.enter_context(serving_health(services, health_host, health_port, settings.ui.allowed_hosts))
        LOG.info(
            "UI: http://%s:%s, health: http://%s:%s/health", _in_url(host), port, _in_url(health_host), health_port
        )
        running = [each.service for each in services]
        raise typer.Exit(keep_running(running, Path.cwd(), environment, LOG.info))


def _dagster_services(instance: DagsterInstance, host: str, port: int, log_level: Level) -> list[Watched]:
    """Dagster's two services, each with the question that tells whether it does its work."""
    from order_pipeline.orchestration.automation_state import daemons_heard_of  # noqa: PLC0415

    webserver, daemon = dagster_services(host, port, log_level, code_level="warning")
    return [
        Watched(webserver, ask_over_http(f"http://{_reachable(host)}:{port}{ALIVE_PATH}")),
        Watched(daemon, ask_daemons(lambda: daemons_heard_of(instance))),
    ]


def _receiver(settings: Settings, *, wanted: bool) -> list[Watched]:
    """The webhook receiver, where a channel has webhooks."""
    if not wanted or not any(channel.webhook for channel in settings.enabled_channels()):
        return []
    ready = f"http://{_reachable(settings.webhooks.host)}:{settings.webhooks.port}/ready"
    return [Watched(Service("receiver", [*PYTHON, "order_pipeline", "webhooks", "serve"]), ask_over_http(ready))]


def _reachable(host: str) -> str:
    """Where this machine reaches what listens on the address: an address for all is answered on loopback."""
    return _in_url({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host))  # noqa: S104


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _require_login(settings: Settings, host: str) -> None:
    """End the command where whoever reaches the machine could send picks."""
    if not is_loopback(f"http://{_in_url(host)}") and not settings.ui.has_login:
        fail(
            f"The UI would listen on {host}, and no login is set.",
            "Set ORDER_PIPELINE_UI__TOKEN, or __USER_HEADER with __TRUSTED_PROXIES behind a login proxy "
            "(docs/security.md); or listen on loopback alone.",
            code=2,
        )


def _require_startable(settings: Settings, addresses: dict[str, tuple[str, int]], *, webhooks: bool) -> None:
    """End the command where a start cannot succeed, before anything is started."""
    if remembered_world(settings):
        fail(
            f"{settings.data_dir} holds a demo, whose fakes must run beside it.",
            "`order-pipeline ui` runs both; for real channels choose another ORDER_PIPELINE_DATA_DIR.",
            code=2,
        )
    if _receiver(settings, wanted=webhooks) and settings.webhooks.secret_path_token is None:
        fail(
            "A channel has webhooks, and ORDER_PIPELINE_WEBHOOKS__SECRET_PATH_TOKEN is not set.",
            "Set it, or start without the receiver: order-pipeline serve --no-webhooks",
            code=2,
        )
    try:
        require_agreement(settings)
    except StoresDisagreeError as error:
        fail(error.args[0], error.next_step)
    for what, (host, port) in addresses.items():
        try:
            with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
                pass
        except OSError as error:
            fail(f"The {what} cannot listen on {host}:{port}: {error.strerror}.", "Choose another port.", code=2)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Two daemons on one data directory would start everything twice."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.data_dir / LOCK_NAME)
    try:
        with lock.acquire(timeout=0):
            yield
    except Timeout:
        fail(f"Another `order-pipeline serve` runs on {settings.data_dir}.", "Stop it first.")
