"""The settings of the lake: where it lies, and what DuckDB may take."""

from __future__ import annotations

from pydantic import BaseModel, Field, field_validator


class LakeSettings(BaseModel, extra="forbid"):
    """Where the lake lives. Defaults (None) are inside `data_dir`; several machines set both."""

    catalog: str | None = Field(default=None, description="None: SQLite in data_dir. Or `postgres:dbname=...` (libpq).")
    data_path: str | None = Field(default=None, description="None: `lake/` in data_dir. Or `s3://bucket/prefix/`.")
    memory_limit: str = Field(default="320MB", description="DuckDB's memory limit in a process of the pipeline.")
    threads: int = Field(
        default=1,
        ge=1,
        description="DuckDB's threads in a process of the pipeline. Small statements run better two at a time.",
    )
    build_threads: int = Field(default=2, ge=1, description="Chunks of a core build that are staged at once.")
    build_memory_limit: str = Field(default="200MB", description="DuckDB's memory limit for each of those chunks.")
    build_chunk_bytes: int = Field(
        default=64_000_000,
        ge=1,
        description="Payload bytes of a chunk; parsed and typed they take about as much again.",
    )
    query_memory_limit: str = Field(default="1GB", description="DuckDB's memory limit for an analyst's query or shell.")
    lock_timeout_seconds: float = Field(default=120.0, description="Longest wait for the writers' lock (SQLite).")
    keep_days: int = Field(
        default=3, ge=1, description="Snapshots and replaced files stay this long; longer than any reader reads."
    )

    @field_validator("data_path")
    @classmethod
    def _ends_with_a_slash(cls, data_path: str | None) -> str | None:
        return f"{data_path.rstrip('/')}/" if data_path else data_path
