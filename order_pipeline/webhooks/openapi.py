"""The receiver's own OpenAPI document. It describes every answer, and never contains the token."""

from __future__ import annotations

from typing import Any

from order_pipeline.channels.registry import webhooks

_ANSWER = {
    "type": "object",
    "properties": {"status": {"type": "string"}, "detail": {"type": "string"}},
    "required": ["status", "detail"],
    "additionalProperties": False,
}


def openapi_document() -> dict[str, Any]:
    """The document as a JSON-ready object (OpenAPI 3.1)."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Order pipeline: webhook receiver", "version": "1"},
        "paths": {
            **{
                f"/webhooks/{channel}/{{token}}": _webhook(channel, webhook.sender)
                for channel, webhook in webhooks().items()
            },
            "/health": _reading("health", "Whether the process runs", {200: "It does", 403: "A web page asks"}),
            "/ready": _reading(
                "ready",
                "Whether an event could be stored now",
                {200: "It could", 403: "A web page asks", 503: "The store is locked, full or gone"},
            ),
            "/openapi.json": {
                "get": {
                    "operationId": "document",
                    "summary": "This document",
                    "responses": {
                        "200": {
                            "description": "OpenAPI 3.1",
                            "content": {"application/json": {"schema": {"type": "object"}}},
                        }
                    },
                }
            },
        },
    }


def _webhook(channel: str, sender: str) -> dict[str, Any]:
    return {
        "post": {
            "operationId": f"receive{channel.capitalize()}Event",
            "summary": f"Keep one event of {sender}, durably, before answering",
            "parameters": [
                {"name": "token", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            ],
            "requestBody": {
                "required": True,
                # Any JSON is kept: what it means is found out later, from the stored bytes.
                "content": {"application/json": {"schema": {}}},
            },
            "responses": _answers(
                {
                    200: "Stored now, or the same bytes were stored before",
                    400: "Stored, but not JSON: send it again",
                    403: "The sender's address is not on the list, or a web page sends",
                    404: "Wrong token",
                    408: "The body came too slowly",
                    413: "The body is too large",
                    503: "Not known to be stored: send it again",
                }
            ),
        }
    }


def _reading(operation: str, summary: str, answers: dict[int, str]) -> dict[str, Any]:
    return {"get": {"operationId": operation, "summary": summary, "responses": _answers(answers)}}


def _answers(descriptions: dict[int, str]) -> dict[str, Any]:
    return {
        str(status): {"description": text, "content": {"application/json": {"schema": _ANSWER}}}
        for status, text in descriptions.items()
    }
