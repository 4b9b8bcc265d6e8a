"""Dagster's webserver behind the gate, as a program: `python -m order_pipeline.ui.webserver --host ... --port ...`.

Dagster's own program has no login, answers under any host name, and runs a mutation that stands in the address of a
GET. Here its application is served with what Dagster itself executes checked at the last moment: in the two methods
that every GraphQL document passes, however it came.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._utils.interrupts import setup_interrupt_handlers
from dagster._utils.log import configure_loggers
from dagster_webserver.version import __version__
from dagster_webserver.webserver import DagsterWebserver
from graphql import OperationType
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from order_pipeline.orchestration.redacted_errors import redact_dagster
from order_pipeline.private_files import close_new_files
from order_pipeline.serving.connections import BACKLOG, ConnectionLimits, limited_protocol
from order_pipeline.serving.same_origin import AllowedHosts
from order_pipeline.settings import Settings, load_settings
from order_pipeline.ui.desk.routes import with_desk
from order_pipeline.ui.dictionary import with_dictionary
from order_pipeline.ui.gate import ALIVE_PATH, ROLE, Gate
from order_pipeline.ui.graphql_operations import UnreadableDocumentError, changes, operations_in
from order_pipeline.ui.visitors import Role, Visitors
from order_pipeline.webhooks.source_addresses import SourcePolicy, networks

_POLL_MILLISECONDS = 2000  # as Dagster's own program


class RoleAwareProcessContext(WorkspaceProcessContext):
    """Dagster's workspace, whose requests carry the permissions of the visitor's role."""

    def create_request_context(self, source: object | None = None) -> WorkspaceRequestContext:
        """Dagster's own context; for a viewer, as with its `--read-only`, so that its pages grey the buttons out."""
        is_viewer = isinstance(source, HTTPConnection) and source.scope.get(ROLE) != Role.EDITOR
        return WorkspaceRequestContext(
            instance=self.instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            read_only=self.read_only or is_viewer,
        )


class CheckedWebserver(DagsterWebserver[WorkspaceProcessContext, WorkspaceRequestContext]):
    """Dagster's webserver, which executes a mutation only if it came by POST and from an editor."""

    def build_routes(self) -> list[BaseRoute]:
        """Dagster's, and the one that health is asked at; it says nothing else."""
        return [Route(ALIVE_PATH, lambda _: PlainTextResponse("alive")), *super().build_routes()]

    async def execute_graphql_request(
        self, request: Request, query: Any, variables: dict[str, Any] | None, operation_name: str | None
    ) -> JSONResponse:
        """Every document that comes by HTTP."""
        try:
            is_change = changes(_text(query))
        except UnreadableDocumentError as error:
            return _graphql_error(400, f"The document cannot be read: {error}")
        if is_change and request.method != "POST":
            return _graphql_error(405, "A mutation is taken by POST alone.")
        if is_change and request.scope.get(ROLE) != Role.EDITOR:
            return _graphql_error(403, "This login may look, and change nothing.")
        return await super().execute_graphql_request(request, query, variables, operation_name)

    async def execute_graphql_subscription(
        self,
        websocket: WebSocket,
        operation_id: str,
        query: Any,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> Any:
        """Every document that comes through a WebSocket: subscriptions alone."""
        try:
            kinds = operations_in(_text(query))
        except UnreadableDocumentError as error:
            return None, {"message": f"The document cannot be read: {error}"}
        if kinds != {OperationType.SUBSCRIPTION}:
            return None, {"message": "A WebSocket takes subscriptions alone."}
        return await super().execute_graphql_subscription(websocket, operation_id, query, variables, operation_name)


def _text(document: object) -> str:
    if not isinstance(document, str):
        raise UnreadableDocumentError("it is no text")
    return document


def _graphql_error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"data": None, "errors": [{"message": message}]}, status)


def names_of(settings: Settings, listens_on: str) -> Iterable[str]:
    """Under which names the UI is reached, beside loopback."""
    return [listens_on, *settings.ui.allowed_hosts, urlsplit(settings.alerts.ui_url).hostname or ""]


def build_ui(workspace: WorkspaceProcessContext) -> ASGIApp:
    """Dagster's application, to be served behind the gate alone."""
    return CheckedWebserver(workspace, "", _POLL_MILLISECONDS).create_asgi_app()


def behind_gate(ui: ASGIApp, settings: Settings, listens_on: str) -> ASGIApp:
    """The UI behind its gate, with the desk and the dictionary beside it."""
    return Gate(
        with_dictionary(with_desk(ui, settings)), AllowedHosts.of(names_of(settings, listens_on)), Visitors(settings.ui)
    )


def _limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(is_proxy=SourcePolicy(trusted_proxies=networks(settings.ui.trusted_proxies, {})).is_proxy)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to stop; DAGSTER_HOME names the instance."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--host", "--port", "--workspace", "--log-level", "--log-format", "--code-server-log-level"):
        parser.add_argument(option, required=True)
    given = parser.parse_args(arguments)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    close_new_files()
    redact_dagster()
    configure_loggers(formatter=given.log_format, log_level=given.log_level.upper())
    setup_interrupt_handlers()
    settings = load_settings()
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(statement_timeout=15_000, pool_recycle=3600, max_overflow=20)
        with RoleAwareProcessContext(
            instance,
            WorkspaceFileTarget([given.workspace]),
            version=__version__,
            code_server_log_level=given.code_server_log_level,
        ) as workspace:
            uvicorn.run(
                behind_gate(build_ui(workspace), settings, given.host),
                host=given.host,
                port=int(given.port),
                log_level="warning",
                proxy_headers=False,  # `visitors` decides whom to believe
                server_header=False,
                http=limited_protocol(_limits(settings)),
                backlog=BACKLOG,
            )


if __name__ == "__main__":
    main()
