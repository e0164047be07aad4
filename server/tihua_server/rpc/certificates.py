"""The server's certificate, its key, and the CA of its clients: checked and reloaded.

gRPC asks for them at every handshake (`grpc.dynamic_ssl_server_credentials`), in a thread of its
own. The files are checked first: if the key did not match the certificate, gRPC would report
nothing and turn every client away.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import grpc
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from tihua_server.config import Config
from tihua_server.errors import ConfigError
from tihua_server.rpc.secret_file import WatchedFiles, read_secret

_log = structlog.get_logger("tihua")


@dataclass(frozen=True, slots=True)
class Certificates:
    """The content of the files.

    Attributes:
        configuration: the same in gRPC's form.
        expiry_s: when the server's certificate expires, in seconds of Unix time.
    """

    configuration: grpc.ServerCertificateConfiguration
    expiry_s: float


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the certificates are.

    Attributes:
        cert: the server's certificate and the intermediate ones, PEM.
        key: its private key, PEM, not encrypted.
        client_ca: CAs that must have signed the clients' certificates, PEM; None requires none.
    """

    cert: Path
    key: Path
    client_ca: Path | None

    def load(self) -> Certificates:
        """Read and check the files.

        Raises:
            ConfigError: a file can't be read, the key does not match the certificate, or the
                certificate has expired.
        """
        chain, key = _read(self.cert), read_secret(self.key)
        certificate = _certificates(chain, self.cert)[0]
        if _public_key(key, self.key) != _spki(certificate.public_key()):
            raise ConfigError(f"{self.key} is not the key of the certificate {self.cert}")
        ends = certificate.not_valid_after_utc
        if ends < dt.datetime.now(dt.UTC):
            raise ConfigError(f"the certificate {self.cert} expired on {ends:%Y-%m-%d}; renew it")
        client_ca = None
        if self.client_ca is not None:
            client_ca = _read(self.client_ca)
            _certificates(client_ca, self.client_ca)
        _log.info("certificate", file=self.cert.name, valid_until=f"{ends:%Y-%m-%d}")
        configuration = grpc.ssl_server_certificate_configuration([(key, chain)], client_ca)
        return Certificates(configuration, ends.timestamp())


class WatchedCertificates:
    """The certificates, loaded again when their files change. Thread-safe."""

    def __init__(self, files: CertificateFiles) -> None:
        """Load them.

        Raises:
            ConfigError: as `CertificateFiles.load` raises it.
        """
        paths = [path for path in (files.cert, files.key, files.client_ca) if path is not None]
        self._watched = WatchedFiles(paths, files.load)
        self._is_mutual = files.client_ca is not None

    def credentials(self) -> grpc.ServerCredentials:
        """Return the server's credentials, which follow changes of the files."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(),
            self._configuration,
            require_client_authentication=self._is_mutual,
        )

    def expiry_s(self) -> float:
        """Return when the server's certificate expires, in seconds of Unix time."""
        return self._watched.current().expiry_s

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        return self._watched.current().configuration


def server_certificates(config: Config) -> WatchedCertificates | None:
    """Return the configured certificates; None without TLS.

    Raises:
        ConfigError: the files can't be used, or some are missing.
    """
    if config.tls_cert is None or config.tls_key is None:
        if config.tls_cert or config.tls_key or config.tls_client_ca:
            raise ConfigError("--tls-cert and --tls-key go together, and --tls-client-ca with them")
        return None
    return WatchedCertificates(
        CertificateFiles(config.tls_cert, config.tls_key, config.tls_client_ca)
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error


def _certificates(content: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise ConfigError(f"{path} has no certificate in PEM form") from error


def _public_key(content: bytes, path: Path) -> bytes:
    try:
        return _spki(load_pem_private_key(content, password=None).public_key())
    except TypeError as error:
        raise ConfigError(f"the key {path} is encrypted, which gRPC can't read") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path} has no private key in PEM form") from error


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
