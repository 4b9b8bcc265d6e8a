"""The settings that every API client has: its rate budget, its retries and its timeouts."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field


class RateSettings(BaseModel, extra="forbid"):
    """A rate budget and the retry bounds of one API."""

    requests_per_second: float | None = Field(default=None, description="None: no limit (loopback only).")
    pace_file: Path | None = Field(
        default=None,
        description="Processes that name the same file keep the rate together (`http.shared_pace`); None: each alone.",
    )
    max_in_flight: int = Field(default=8, ge=1, description="Requests under way at once.")
    attempts: int = Field(
        default=5, ge=1, description="Tries of one request, the first included; transient failures only."
    )
    backoff_cap_seconds: float = Field(
        default=30.0, gt=0, description="Longest wait between tries, Retry-After included."
    )
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 30.0
