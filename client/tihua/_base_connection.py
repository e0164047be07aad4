"""What the blocking and the asyncio connection share: settings, metadata, retries; no channels."""

from dataclasses import dataclass, field

from tihua._call_metadata import call_metadata
from tihua._call_retries import CallRetries, RetryBudget
from tihua._channel import checked_address, checked_timeout
from tihua._convert import checked_text
from tihua._security import Security
from tihua._tls import Tls


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the constructor of a client was given, not checked yet.

    Attributes:
        address: the server's address.
        collection: the default collection.
        timeout: the default limit of a call, in seconds.
        tls: whether to encrypt calls, and how.
        token: the caller's token; empty for none.
        insecure: whether the token may be sent unencrypted to other machines.
    """

    address: str
    collection: str
    timeout: float
    tls: bool | Tls
    token: str = field(repr=False)
    insecure: bool


class BaseConnection:
    """The settings of a connection, checked, and what each of its calls takes from them.

    Attributes:
        address: the server's address.
        timeout: the default limit of a call, in seconds.
        is_encrypted: whether the connection uses TLS.
    """

    def __init__(self, settings: Settings) -> None:
        """Check the settings and read the certificates.

        Raises:
            InvalidRequestError: a setting is invalid, a certificate can't be used, or the token
                would be sent unencrypted to another machine.
        """
        self.address = checked_address(settings.address)
        self.timeout = checked_timeout(settings.timeout)
        self._collection = checked_text(settings.collection, "collection")
        security = Security.of(
            self.address, tls=settings.tls, token=settings.token, insecure=settings.insecure
        )
        self.is_encrypted = security.tls is not None
        self._authorization = security.authorization
        self._credentials = security.credentials()
        self._retry_budget = RetryBudget()

    def retries(self, timeout: float | None) -> CallRetries:
        """Return the retry policy of a call that starts now; None means the client's timeout.

        Raises:
            InvalidRequestError: gRPC can't keep that limit.
        """
        limit_s = self.timeout if timeout is None else checked_timeout(timeout)
        return CallRetries(self._retry_budget, limit_s)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return the metadata of the next call: its id, its trace and the token."""
        return (*call_metadata(), *self._authorization)

    def name(self, collection: str | None) -> str:
        """Return the collection's name; None means the default."""
        return self._collection if collection is None else checked_text(collection, "collection")
