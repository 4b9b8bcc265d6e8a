"""The settings of the object store that holds the lake's files: S3, or what speaks its language (MinIO, Ceph, Garage).

They hold where `LAKE__DATA_PATH` begins with `s3://`. Without a key the credential chain is asked: the environment's
`AWS_*` variables, the files of the AWS command line, the role of the machine or of its container.
"""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator


class S3Settings(BaseModel, extra="forbid"):
    """Where the object store is, and who we are there."""

    endpoint: str | None = Field(
        default=None,
        description="Host and port of the object store, `minio.shop.example:9000`; `http://` before it switches SSL "
        "off. None: Amazon's.",
    )
    region: str | None = Field(default=None, description="None: AWS_REGION of the environment, else us-east-1.")
    key_id: SecretStr | None = Field(default=None, description="None: the credential chain.")
    secret: SecretStr | None = Field(default=None, description="The secret of the key.")
    session_token: SecretStr | None = Field(default=None, description="Of a key that is for some hours only.")
    url_style: Literal["vhost", "path"] | None = Field(
        default=None,
        description="Whether the bucket stands in the host's name or in the path. None: vhost at Amazon, path at "
        "another endpoint.",
    )
    use_ssl: bool = Field(default=True, description="False: in the clear, for a store on this machine.")

    @field_validator("endpoint")
    @classmethod
    def _is_a_host(cls, endpoint: str | None) -> str | None:
        if endpoint is None or "://" not in endpoint:
            if endpoint is not None and (not endpoint or "/" in endpoint or "@" in endpoint):
                raise ValueError("give a host with or without a port: minio.shop.example:9000")
            return endpoint
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.path.strip("/"):
            raise ValueError("give a host with or without a port: https://minio.shop.example:9000")
        return endpoint.rstrip("/")

    @model_validator(mode="after")
    def _is_a_whole_key(self) -> Self:
        if (self.key_id is None) != (self.secret is None):
            raise ValueError("key_id and secret belong together: one of them is missing")
        if self.session_token is not None and self.key_id is None:
            raise ValueError("session_token needs key_id and secret")
        return self

    @property
    def host(self) -> str | None:
        """The endpoint's host and port, without a scheme."""
        return self.endpoint.rpartition("://")[2] if self.endpoint else None

    @property
    def is_encrypted(self) -> bool:
        """Whether the store is spoken to by SSL: an endpoint's own scheme says it, else the setting."""
        if self.endpoint and "://" in self.endpoint:
            return self.endpoint.startswith("https://")
        return self.use_ssl

    @property
    def style(self) -> Literal["vhost", "path"]:
        """The URL style, the default filled in."""
        return self.url_style or ("path" if self.endpoint else "vhost")
