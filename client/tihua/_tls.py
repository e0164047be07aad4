"""How a client's connection is encrypted."""

from dataclasses import dataclass
from os import PathLike
from typing import TypeAlias

FileName: TypeAlias = str | PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Which servers a client trusts, and its own certificate.

    The files are read when the client is made; make a new client before its certificate expires.

    Attributes:
        ca_file: the certificates of the CAs to trust, PEM; None means those that come with gRPC, or
            the file that GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names.
        cert_file: the client's own certificate and its chain up to the CA, PEM, for a server that
            requires one.
        key_file: the private key of that certificate, PEM, not encrypted.
    """

    ca_file: FileName | None = None
    cert_file: FileName | None = None
    key_file: FileName | None = None
