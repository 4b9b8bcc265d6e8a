"""The settings of a cluster that stages the chunks of a build: its scheduler's address, and the certificates of TLS.

Whoever reaches a scheduler's port runs code on its workers, so it is for a closed network, or behind TLS in which both
sides show a certificate (docs/cluster.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, model_validator
from pydantic_settings import BaseSettings

SCHEMES = ("tcp", "tls")


class ClusterTls(BaseModel, extra="forbid"):
    """Who this side is to the scheduler, and which authority signed the scheduler's certificate: files in PEM."""

    ca_file: Path | None = Field(default=None, description="The authority that signed the scheduler's certificate.")
    cert_file: Path | None = Field(default=None, description="Our certificate, signed by the same authority.")
    key_file: Path | None = Field(default=None, description="The key of our certificate.")

    @property
    def is_given(self) -> bool:
        """Whether the connection is encrypted, and both sides say who they are."""
        return self.ca_file is not None


class ClusterSettings(BaseSettings):
    """Where the chunks of a build are staged."""

    cluster: str = Field(
        default="",
        description="Address of a dask scheduler, `tcp://scheduler:8786` or `tls://scheduler:8786`. Empty: threads of "
        "the process that builds (LAKE__BUILD_THREADS).",
    )
    cluster_tls: ClusterTls = ClusterTls()

    @model_validator(mode="after")
    def _is_an_address_with_its_certificates(self) -> Self:
        if not self.cluster:
            return self
        scheme, host, port = _parts(self.cluster)
        if scheme not in SCHEMES or not host or port is None:
            raise ValueError(f"cluster {self.cluster!r}: give a scheduler's address, tcp://scheduler:8786")
        files = [self.cluster_tls.ca_file, self.cluster_tls.cert_file, self.cluster_tls.key_file]
        if (scheme == "tls") != all(files) or any(files) != all(files):
            raise ValueError(
                f"cluster {self.cluster!r}: tls:// and the three files CLUSTER_TLS__CA_FILE, CLUSTER_TLS__CERT_FILE and"
                " CLUSTER_TLS__KEY_FILE belong together"
            )
        return self


def _parts(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    try:
        return parts.scheme, parts.hostname, parts.port
    except ValueError:  # no number
        return parts.scheme, parts.hostname, None
