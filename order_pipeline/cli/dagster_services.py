"""The commands of Dagster's two services, as `ui` and `serve` run them, and the environment that they need."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Literal

from order_pipeline.cli.supervisor import Service

PYTHON = (sys.executable, "-W", "ignore::DeprecationWarning", "-m")
Level = Literal["error", "warning", "info", "debug"]
_LOOPBACK = "localhost,127.0.0.1"


def dagster_services(host: str, port: int, log_level: Level, *, code_level: Level) -> tuple[Service, Service]:
    """The webserver, behind our gate, and the daemon.

    Args:
        host: address of the UI.
        port: port of the UI.
        log_level: what both write.
        code_level: what the processes that load our definitions write.
    """
    from order_pipeline.orchestration.instance import PROJECT_ROOT  # noqa: PLC0415 - imports Dagster

    given = ["--workspace", str(PROJECT_ROOT / "workspace.yaml"), "--code-server-log-level", code_level]
    given += ["--log-format", "colored" if sys.stdout.isatty() else "json", "--log-level", log_level]
    webserver = [*PYTHON, "order_pipeline.ui.webserver", *given, "--host", host, "--port", str(port)]
    daemon = [*PYTHON, "dagster._daemon", "run", *given]
    return Service("webserver", webserver), Service("daemon", daemon)


def without_proxy_on_loopback(environment: Mapping[str, str]) -> dict[str, str]:
    """NO_PROXY in both spellings, with loopback in it: by gRPC Dagster's processes talk to each other on it."""
    given = environment.get("no_proxy", environment.get("NO_PROXY", ""))
    return dict.fromkeys(("no_proxy", "NO_PROXY"), f"{given},{_LOOPBACK}" if given else _LOOPBACK)
