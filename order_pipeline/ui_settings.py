"""The settings of the UI's doors: who reaches it, who may change something, who may only look (docs/security.md)."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Self

from pydantic import BaseModel, Field, SecretStr, model_validator

SHORTEST_TOKEN = 16


class UiSettings(BaseModel, extra="forbid"):
    """The Dagster UI, as `ui` and `serve` run it."""

    allowed_hosts: list[str] = Field(
        default_factory=list,
        description="Names under which the UI is reached, without port: pipeline.shop.example. Loopback, the address "
        "that it listens on and the host of ALERTS__UI_URL need no entry.",
    )
    token: SecretStr | None = Field(default=None, description="A login: who knows it may look and change.")
    viewer_token: SecretStr | None = Field(default=None, description="A login: who knows it may look.")
    session_hours: float = Field(default=12, gt=0, description="A login lasts so long, or until a restart.")
    user_header: str | None = Field(
        default=None, description="The header in which a login proxy names its user: X-Forwarded-User."
    )
    trusted_proxies: list[str] = Field(
        default_factory=list, description="CIDRs of the login proxies; the header of anybody else is ignored."
    )
    editors: list[str] | None = Field(
        default=None, description="Users of the proxy who may change; the others look. None: all of them may."
    )
    read_only: bool = Field(default=False, description="Nobody may change anything through the UI.")

    @model_validator(mode="after")
    def _is_a_lock(self) -> Self:
        tokens = [each.get_secret_value() for each in (self.token, self.viewer_token) if each is not None]
        if any(len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() for token in tokens):
            raise ValueError(f"token, viewer_token: {SHORTEST_TOKEN} ASCII characters or more (openssl rand -hex 32)")
        if len(set(tokens)) < len(tokens):
            raise ValueError("token and viewer_token are the same: a viewer could change")
        for each in self.trusted_proxies:
            ip_network(each, strict=False)
        if self.user_header is not None and not self.trusted_proxies:
            raise ValueError("user_header needs trusted_proxies: else everybody could write the header")
        return self

    @property
    def has_login(self) -> bool:
        """Whether nobody gets in without saying who they are."""
        return self.token is not None or self.viewer_token is not None or self.user_header is not None
