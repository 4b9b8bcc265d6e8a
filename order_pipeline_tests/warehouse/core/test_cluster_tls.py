"""A scheduler behind TLS takes who shows a certificate of its authority, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from order_pipeline.cluster_settings import ClusterTls
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core import cluster as cluster_module
from order_pipeline.warehouse.core.cluster import ClusterError, cluster_executor
from order_pipeline_tests.warehouse.core.clusters import Cluster, cluster_running

pytestmark = pytest.mark.slow


def make_certificates(directory: Path) -> ClusterTls:
    """One certificate, signed by itself, which is thereby its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "order-pipeline-tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    made = ClusterTls(ca_file=directory / "ca.pem", cert_file=directory / "me.pem", key_file=directory / "me.key")
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    for file in (made.ca_file, made.cert_file):
        assert file
        file.write_bytes(pem)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert made.key_file
    made.key_file.write_bytes(secret)
    return made


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ClusterTls:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def cluster(tls: ClusterTls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    files = ["--tls-ca-file", str(tls.ca_file), "--tls-cert", str(tls.cert_file), "--tls-key", str(tls.key_file)]
    with cluster_running(tmp_path_factory.mktemp("tls"), workers=1, scheme="tls", options=files) as cluster:
        yield cluster


def settings_with(directory: Path, address: str, tls: ClusterTls) -> Settings:
    return Settings(_env_file=None, data_dir=directory, cluster=address, cluster_tls=tls)  # pyright: ignore[reportCallIssue]


def test_who_shows_a_certificate_of_the_authority_gives_work(cluster: Cluster, tls: ClusterTls, tmp_path: Path) -> None:
    with cluster_executor(settings_with(tmp_path, cluster.address, tls), f"{tmp_path}/lake/") as workers:
        assert workers.submit(sum, [1, 2, 3]).result() == 6


def test_who_shows_one_of_another_authority_or_none_is_turned_away(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 3)
    stranger = settings_with(tmp_path, cluster.address, make_certificates(tmp_path))
    nobody = settings_with(tmp_path, cluster.address.replace("tls://", "tcp://"), ClusterTls())
    for settings in (stranger, nobody):
        with pytest.raises(ClusterError, match="did not answer"), cluster_executor(settings, f"{tmp_path}/lake/"):
            pass
