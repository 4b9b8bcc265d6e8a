"""How DuckDB reaches files of an object store: who it is there, and what many of them need in little memory.

The key goes into a secret of the DuckDB instance, by bound parameters, for the data path alone; it is kept in memory,
and `duckdb_secrets()` shows it as `redacted`. What is set for it follows the data path, not the user
(docs/decisions/0064-the-data-path-says-how-duckdb-works.md).
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false
# (pyarrow brings no types)

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from urllib.parse import urlsplit

import duckdb
from pyarrow import fs
from pydantic import SecretStr

from order_pipeline.redaction.texts import redact_message
from order_pipeline.s3_settings import S3Settings
from order_pipeline.warehouse.lake.errors import LakeError
from order_pipeline.warehouse.lake.instance import Extension
from order_pipeline.warehouse.lake.literals import quoted

SECRET = "lake_files"  # noqa: S105 - the name of DuckDB's object
READING_THREADS = 8
"""Threads of an instance that reads an object store: they wait for answers, not for a processor."""

_SCHEMES = {"s3", "s3a", "s3n"}
_LARGEST_FILE = "50GB"
"""The least that httpfs takes. A file that is being written has buffers of a 10,000th of it, 76 MB by default: three
partitions of a statement need more than a chunk's 200 MB then."""
_OF_ENVIRONMENT = {
    "key_id": "AWS_ACCESS_KEY_ID",
    "secret": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}


class ObjectStoreError(LakeError):
    """Neither the settings nor the credential chain name a key. Nothing was read or written."""

    next_step = (
        "Set ORDER_PIPELINE_S3__KEY_ID and ORDER_PIPELINE_S3__SECRET, or give AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY in the environment, or a role to the machine."
    )


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """The files of a lake, wherever they are. It can be pickled; its text does not show the key.

    Attributes:
        path: directory or URL, with a slash at its end. A directory needs nothing of this.
        s3: what holds for `s3://`.
    """

    path: str
    s3: S3Settings

    @property
    def is_remote(self) -> bool:
        """Whether the files lie elsewhere than in a directory."""
        return "://" in self.path

    @property
    def is_s3(self) -> bool:
        """Whether the settings `S3__...` are for it."""
        return urlsplit(self.path).scheme in _SCHEMES

    @property
    def asks_chain(self) -> bool:
        """Whether DuckDB's credential chain names the key: no setting does, and the wheel of `aws` is installed."""
        return self.is_s3 and self.s3.key_id is None and find_spec("duckdb_extension_aws") is not None

    @property
    def extensions(self) -> list[Extension]:
        """What DuckDB must load to reach the files."""
        if not self.is_remote:
            return []
        return ["httpfs", "aws"] if self.asks_chain else ["httpfs"]

    @property
    def memory_statements(self) -> list[str]:
        """What is set in every DuckDB instance that writes the files."""
        return [f"SET GLOBAL s3_uploader_max_filesize = {quoted(_LARGEST_FILE)}"] if self.is_remote else []

    @property
    def chain_statement(self) -> str:
        """The SQL that takes the key from the credential chain. It holds no secret and needs the extension `aws`."""
        # Amazon's region may stand in ~/.aws, which the chain reads; another endpoint has none there.
        region = [("REGION", self._region())] if self.s3.region or self.s3.host else []
        options = [("PROVIDER", "credential_chain"), *self._address(), *region]
        return _secret(f"{name} {quoted(value)}" for name, value in options)

    def without_key(self) -> ObjectStore:
        """The same for another machine, which has the key in its own environment or role: keys do not travel."""
        return replace(self, s3=self.s3.model_copy(update={"key_id": None, "secret": None, "session_token": None}))

    def reach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let the connection's instance read and write the files; the store itself is not asked yet.

        Args:
            connection: with `extensions` loaded.

        Raises:
            ObjectStoreError: there is neither a key nor a credential chain that has one.
        """
        for statement in self.memory_statements:
            connection.execute(statement)
        if not self.is_s3:
            return
        statement, values = (self.chain_statement, list[str]()) if self.asks_chain else self._key_statement()
        try:
            connection.execute(statement, values)
        except duckdb.Error as error:
            said = redact_message(str(error)).partition("\n")[0]
            raise ObjectStoreError(f"No key for the object store of {self.path}: {said}") from None

    def file_system(self) -> tuple[fs.FileSystem, str]:
        """For listing and removing files: the file system, and the path in it.

        Raises:
            OSError: the store cannot be reached.
        """
        if not self.is_s3:
            return fs.FileSystem.from_uri(self.path)
        store = fs.S3FileSystem(
            access_key=_text(self.s3.key_id),
            secret_key=_text(self.s3.secret),
            session_token=_text(self.s3.session_token),
            region=self._region(),
            endpoint_override=self.s3.host,
            scheme="https" if self.s3.is_encrypted else "http",
            force_virtual_addressing=self.s3.style == "vhost",
        )
        return store, self.path.partition("://")[2]

    def _key_statement(self) -> tuple[str, list[str]]:
        key = self._key()
        options = [*key, *self._address(), ("REGION", self._region())]
        return _secret(f"{name} ?" for name, _ in options), [value for _, value in options]

    def _key(self) -> list[tuple[str, str]]:
        """The key's parts by the names of DuckDB's options; the variables that the chain would read first count too."""
        settings = {field: _text(getattr(self.s3, field)) for field in _OF_ENVIRONMENT}
        found = settings if self.s3.key_id else {field: os.environ.get(each) for field, each in _OF_ENVIRONMENT.items()}
        if not (found["key_id"] and found["secret"]):
            raise ObjectStoreError(
                f"No key for the object store of {self.path}: neither the settings nor the environment have one, and "
                f"the wheel duckdb-extension-aws=={duckdb.__version__}, which asks the files of the AWS command line "
                "and the machine's role, is not installed."
            )
        return [(field.upper(), value) for field, value in found.items() if value]

    def _address(self) -> list[tuple[str, str]]:
        endpoint = [("ENDPOINT", self.s3.host)] if self.s3.host else []
        encrypted = "true" if self.s3.is_encrypted else "false"
        return [("SCOPE", self.path), *endpoint, ("URL_STYLE", self.s3.style), ("USE_SSL", encrypted)]

    def _region(self) -> str:
        return self.s3.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def environment_of_key(s3: S3Settings) -> dict[str, str]:
    """The settings' key as variables of the environment, where the credential chain of a child process finds it."""
    values = {name: _text(getattr(s3, field)) for field, name in _OF_ENVIRONMENT.items()}
    return {name: value for name, value in values.items() if value}


def _secret(options: Iterable[str]) -> str:
    return f"CREATE OR REPLACE SECRET {SECRET} (TYPE s3, {', '.join(options)})"


def _text(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
