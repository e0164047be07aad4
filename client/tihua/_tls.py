"""How a client's connection is encrypted."""

from dataclasses import dataclass
from os import PathLike
from typing import TypeAlias

FileName: TypeAlias = str | PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Whom a client trusts, and what it shows of itself.

    The files are read when the client is made; one that lives longer than its certificate must be
    made again.

    Attributes:
        ca_file: certificates of the CAs that the server's may be signed by, PEM; None takes those
            that gRPC brings, or the file that GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names.
        cert_file: the client's own certificate and those up to its CA, PEM, for a server that asks
            for one.
        key_file: the private key of that certificate, PEM, not encrypted.
    """

    ca_file: FileName | None = None
    cert_file: FileName | None = None
    key_file: FileName | None = None
