"""How a client authenticates itself and verifies the server."""

import contextlib
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from tihua._channel import is_loopback
from tihua._secret_file import read_secret
from tihua._tls import FileName, Tls
from tihua.errors import InvalidRequestError

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""The characters of RFC 6750, section 2.1."""


@dataclass(frozen=True, slots=True)
class Security:
    """The token and the TLS settings of a connection.

    Attributes:
        tls: how calls are encrypted; None for plain text.
        token: the caller's token; empty for none.
    """

    tls: Tls | None
    token: str = field(repr=False)

    @classmethod
    def of(cls, address: str, *, tls: bool | Tls, token: str, insecure: bool) -> "Security":
        """Return the settings that a client was given, after checking them.

        Raises:
            InvalidRequestError: the token is malformed, or would be sent unencrypted to another
                machine.
        """
        settings = Tls() if tls is True else tls or None
        security = cls(settings, token)
        if token and not _TOKEN.fullmatch(token):
            raise InvalidRequestError(
                "the token has a character that is not allowed in tokens; is it the right one?",
                reason="BAD_TOKEN",
            )
        if token and security.tls is None and not (insecure or is_loopback(address)):
            raise InvalidRequestError(
                f"the token would go to {address} unencrypted, for everybody on the way to read "
                "and to use; give --tls (tls=True), or --insecure (insecure=True) if you trust the "
                "network",
                reason="TOKEN_IN_CLEAR",
            )
        return security

    @property
    def authorization(self) -> tuple[tuple[str, str], ...]:
        """Return the token as call metadata; empty without a token."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return the credentials for a channel; None for one that is not encrypted.

        Raises:
            InvalidRequestError: a file can't be read or used, or the key is readable by everyone.
        """
        if self.tls is None:
            return None
        ca, cert, key = self.tls.ca_file, self.tls.cert_file, self.tls.key_file
        if (cert is None) != (key is None):
            raise InvalidRequestError(
                "a client certificate and its key go together: --cert and --key (cert_file, "
                "key_file)",
                reason="BAD_CERTIFICATE",
            )
        roots = None if ca is None else _read(ca)
        private_key = None if key is None else _read(key, is_secret=True)
        chain = None if cert is None else _read(cert)
        # gRPC accepts anything here, and would fail at the first call with "can't connect".
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if roots is not None:
            with _explained(f"{ca} has no certificate of a CA in PEM form"):
                # In PEM, only comments may be outside ASCII.
                context.load_verify_locations(cadata=roots.decode("ascii", errors="ignore"))
        if cert is not None and key is not None and _can_be_read_again(cert, key):
            with _explained(f"{cert} and {key} are not a certificate and its unencrypted key"):
                context.load_cert_chain(cert, key, password="")
        return grpc.ssl_channel_credentials(roots, private_key, chain)


def _read(path: FileName, *, is_secret: bool = False) -> bytes:
    with _explained(f"can't read {path}"):
        return read_secret(path) if is_secret else Path(path).read_bytes()


def _can_be_read_again(*paths: FileName) -> bool:
    """Return whether these are regular files; a pipe is empty by now.

    OpenSSL checks a certificate and its key only from files, not from bytes.
    """
    return all(Path(path).is_file() for path in paths)


@contextlib.contextmanager
def _explained(message: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # including ssl.SSLError
        detail = "" if isinstance(error, ssl.SSLError) else f": {error.strerror}"
        raise InvalidRequestError(message + detail, reason="BAD_CERTIFICATE") from error
    except ValueError as error:  # raised by ssl if there is no certificate at all
        raise InvalidRequestError(message, reason="BAD_CERTIFICATE") from error
