"""Every error that the service itself raises; does not know gRPC.

    ConfigError              the server can't run as configured: change its options

    ServiceError
     ├── InvalidInput        the caller's data is wrong: fix the request
     ├── Unauthenticated     no token, or one that this server does not know
     ├── PermissionDenied    the token's role does not allow the method
     ├── OutOfOrder          an ingest stream left a gap in its numbering: resume it
     ├── SessionConflict     an ingest session is used for two different things
     ├── SessionTaken        another stream took over the ingest session
     ├── StreamIdle          an ingest stream was idle for too long: resume it when there is more
     ├── NotFound            no such collection, item or model
     ├── AlreadyExists       the name or id is taken
     ├── ModelMismatch       the collection was built with another model
     ├── CollectionNotReady  the collection is not loaded for searching
     ├── CollectionInUse     the collection has aliases, or the name is one
     ├── CollectionMoved     an alias was moved during a write: send it again
     ├── TooLarge            over a limit in bytes; the limit is in the message
     ├── Overloaded          the queue is full: wait, then try again
     │    ├── StoreFull      the store has no room for more: make some, then try again
     │    └── TooManyStreams the client has as many streams as it may have
     ├── Draining            the server is shutting down: try another one
     ├── StoreUnavailable    Milvus does not answer
     ├── StoreError          Milvus answered with an error of its own
     │    └── CollectionDamaged  the files of a collection can't be read
     └── ModelError          the encoder failed
          ├── ModelOutOfMemory  the device has no memory for the batch: wait, then try again
          ├── PrecisionTooLow  the embeddings stray too far from fp32
          └── DeviceLost       the GPU has failed for this process, which ends

The message of a `ServiceError` is one sentence for the caller: it names the value, the bound and
the remedy, and never a path, a secret or a stored text. `reason` says the same to a program, in
UPPER_SNAKE_CASE, and is stable (AIP-193); `metadata` holds the numbers of the message. Only
`rpc/status.py` decides which gRPC status each class becomes. A `ConfigError` reaches no caller.
"""

from collections.abc import Mapping
from typing import Self


class ConfigError(Exception):
    """The server can't run as it is configured.

    Attributes:
        message: one sentence for the operator; it may name paths.
        reason: for a program that reads the log.
    """

    reason = "CONFIG"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ServiceError(Exception):
    """The root of the errors that callers get; itself only for a bug (`rpc/call.py`).

    Attributes:
        message: one sentence for the caller.
        reason: stable, machine-readable, UPPER_SNAKE_CASE.
        field: the request field at fault, as a path (`terms[0].text`); empty when there is none.
        metadata: the values that the message names, as strings.
    """

    reason = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        field: str = "",
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or type(self).reason
        self.field = field
        self.metadata = {key: str(value) for key, value in (metadata or {}).items()}

    def without_traceback(self) -> Self:
        """Drop the traceback and the causes of this error, in place, and return it.

        They hold the frames that they passed through, and so the data: a picture, and with it all
        of its batch. Do this before an error is kept, or raised once more.
        """
        self.__traceback__ = self.__cause__ = self.__context__ = None
        return self


class InvalidInput(ServiceError):
    """The caller's data is wrong; the same call will fail again."""

    reason = "INVALID_INPUT"


class Unauthenticated(ServiceError):
    """The call carries no token, or one that this server does not know (any more)."""

    reason = "TOKEN_UNKNOWN"


class PermissionDenied(ServiceError):
    """The caller's role does not allow the method."""

    reason = "ROLE_TOO_SMALL"


class OutOfOrder(ServiceError):
    """A batch of an ingest stream does not carry the number that comes next."""

    reason = "SEQUENCE_GAP"


class SessionConflict(ServiceError):
    """The session was opened for another collection or write mode, or not opened at all."""

    reason = "SESSION_CONFLICT"


class SessionTaken(ServiceError):
    """The client opened a second stream for the session; this one ends."""

    reason = "SESSION_TAKEN"


class StreamIdle(ServiceError):
    """The client sent nothing, or read nothing, for longer than the idle timeout."""

    reason = "STREAM_IDLE"


class NotFound(ServiceError):
    """There is no collection, item or model of that name."""

    reason = "NOT_FOUND"


class AlreadyExists(ServiceError):
    """The name or id is taken."""

    reason = "ALREADY_EXISTS"


class ModelMismatch(ServiceError):
    """The collection holds embeddings of another model; scores between the two mean nothing."""

    reason = "MODEL_MISMATCH"


class CollectionNotReady(ServiceError):
    """The collection is released."""

    reason = "COLLECTION_NOT_LOADED"


class CollectionInUse(ServiceError):
    """The collection has aliases, or the name is an alias, which the operation does not allow."""

    reason = "COLLECTION_IN_USE"


class CollectionMoved(ServiceError):
    """The name led to another collection by the time the embedded items were to be written."""

    reason = "COLLECTION_MOVED"


class TooLarge(ServiceError):
    """Over a limit in bytes or pixels."""

    reason = "TOO_LARGE"


class Overloaded(ServiceError):
    """A bounded queue is full.

    Attributes:
        retry_after_s: when to try again, in seconds.
    """

    reason = "OVERLOADED"

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message, metadata={"retry_after_s": retry_after_s})
        self.retry_after_s = retry_after_s


class StoreFull(Overloaded):
    """The disk of the store is full; what is stored can still be read."""

    reason = "STORE_FULL"


class TooManyStreams(Overloaded):
    """The client has as many streams open as it may have."""

    reason = "TOO_MANY_STREAMS"


class Draining(ServiceError):
    """The server finishes accepted calls and takes no new ones."""

    reason = "DRAINING"

    def __init__(self, message: str = "the server is shutting down") -> None:
        super().__init__(message)


class StoreUnavailable(ServiceError):
    """Milvus does not answer, or not in time."""

    reason = "STORE_UNAVAILABLE"


class StoreError(ServiceError):
    """Milvus refused a request that this server thought was right."""

    reason = "STORE_ERROR"


class CollectionDamaged(StoreError):
    """The files of a collection in an embedded store can't be read; the others still work."""

    reason = "COLLECTION_DAMAGED"


class ModelError(ServiceError):
    """The encoder failed, for example for want of GPU memory."""

    reason = "MODEL_ERROR"


class ModelOutOfMemory(ModelError):
    """The device has no memory for the batch now; other programs on it may free some.

    Attributes:
        retry_after_s: when to try again, in seconds.
    """

    reason = "MODEL_OUT_OF_MEMORY"
    retry_after_s = 1.0


class PrecisionTooLow(ModelError):
    """Embeddings of a model stray too far from fp32 in a precision."""

    reason = "PRECISION_TOO_LOW"


class DeviceLost(ModelError):
    """The GPU has failed for this process: another server may work, or this one after a restart."""

    reason = "DEVICE_LOST"
