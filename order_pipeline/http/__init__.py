"""One transport for every API: authentication, retries, rate budgets, pagination, redaction, error classes.

Belongs here: what any HTTP API needs. Does not belong here: anything that knows a channel by name, DuckDB or Dagster.
"""

from order_pipeline.http.auth import BearerToken, ClientCredentials
from order_pipeline.http.errors import (
    ApiError,
    CallsUsedUp,
    CutBody,
    NotConfigured,
    NotSent,
    OutcomeUnknown,
    PagingError,
    PermanentError,
    TransientError,
    UnreadableBody,
)
from order_pipeline.http.oauth2 import AuthorizationCode, Token
from order_pipeline.http.pagination import NumberedPages, Walk
from order_pipeline.http.redaction import redact_text, redact_url
from order_pipeline.http.reply import Reply, json_problem
from order_pipeline.http.retry import RetryPolicy, parse_retry_after
from order_pipeline.http.transport import Classify, Transport

__all__ = [
    "ApiError",
    "AuthorizationCode",
    "BearerToken",
    "CallsUsedUp",
    "Classify",
    "ClientCredentials",
    "CutBody",
    "NotConfigured",
    "NotSent",
    "NumberedPages",
    "OutcomeUnknown",
    "PagingError",
    "PermanentError",
    "Reply",
    "RetryPolicy",
    "Token",
    "TransientError",
    "Transport",
    "UnreadableBody",
    "Walk",
    "json_problem",
    "parse_retry_after",
    "redact_text",
    "redact_url",
]
