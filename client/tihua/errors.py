"""Every exception that tihua raises, by what a caller can do about it.

    TihuaError
     ├── InvalidRequestError      the request is wrong: mend it
     ├── UnauthenticatedError     the server asks for a token that it knows: get one
     ├── PermissionDeniedError    the token may not do this: get another
     ├── NotFoundError            no collection, item or model of that name: look elsewhere
     ├── AlreadyExistsError       the name or id is taken: choose another
     ├── FailedPreconditionError  another model's collection, or one that is not loaded
     ├── OverloadedError          the server is busy: wait `retry_after` seconds, then try again
     ├── UnavailableError         server or store do not answer: try again, or find out why
     ├── DeadlineError            not done in time (also a TimeoutError): give it more
     ├── UnsupportedError         the server does not do this
     └── ServerError              a bug of the server: report it

`except tihua.TihuaError` catches all that a call can raise about its request, the way and the
server. A call that is wrong as Python, a number where a text is due, is a TypeError as ever.

This module knows no gRPC, so that importing tihua does not load it; `_status.py` reads what came
over the wire and asks `error_for`, which has the one table, for the exception.
"""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "AlreadyExistsError",
    "DeadlineError",
    "FailedPreconditionError",
    "InvalidRequestError",
    "NotFoundError",
    "OverloadedError",
    "PermissionDeniedError",
    "ServerError",
    "TihuaError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnsupportedError",
]


class TihuaError(Exception):
    """The root: catch it to catch everything; raised are its subclasses.

    Attributes:
        message: one sentence for people: the value, the bound, the remedy.
        code: the gRPC status by name: `NOT_FOUND`.
        reason: stable and machine-readable, finer than the code: `MODEL_MISMATCH`. Empty where
            the network, not a tihua server, is the source.
        metadata: the values that the message names.
        field: the request field at fault as a path, `terms[0].text`; empty where there is none.
        request_id: what the server's log calls the call, for whoever runs the server; empty where
            no server is known to have had it.
    """

    code = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        reason: str = "",
        metadata: Mapping[str, str] = MappingProxyType({}),
        field: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.reason = reason
        self.metadata = dict(metadata)
        self.field = field
        self.request_id = request_id


class InvalidRequestError(TihuaError):
    """The request is wrong, and the same call fails again; the message says what to mend.

    Raised by the server, and by the client before it sends anything.
    """

    code = "INVALID_ARGUMENT"


class UnauthenticatedError(TihuaError):
    """The server asks for a token, and the call carries none or one that it does not know."""

    code = "UNAUTHENTICATED"


class PermissionDeniedError(TihuaError):
    """The role of the token is too small for the call; the message names both."""

    code = "PERMISSION_DENIED"


class NotFoundError(TihuaError):
    """There is no collection, item or model of that name."""

    code = "NOT_FOUND"


class AlreadyExistsError(TihuaError):
    """The name or id is taken."""

    code = "ALREADY_EXISTS"


class FailedPreconditionError(TihuaError):
    """The state of the server forbids it, and no repetition helps before that has changed.

    The collection holds another model's embeddings (reason `MODEL_MISMATCH`), is not loaded
    (`COLLECTION_NOT_LOADED`) or has aliases (`COLLECTION_HAS_ALIASES`), or an ingest session went
    on in another stream (code `ABORTED`).
    """

    code = "FAILED_PRECONDITION"


class OverloadedError(TihuaError):
    """The server's queue is full; the same call may succeed later.

    It was waited for already, four attempts long or as long as `timeout` and the client's budget
    for retries allow.

    Attributes:
        retry_after: how long to wait before the next attempt, in seconds.
    """

    code = "RESOURCE_EXHAUSTED"
    retry_after = 1.0


class UnavailableError(TihuaError):
    """No server answers, or its store is away; the same call may succeed later.

    Calls that are safe to repeat have been repeated already (`_channel.py`).
    """

    code = "UNAVAILABLE"


class DeadlineError(TihuaError, TimeoutError):
    """The answer did not come within `timeout`."""

    code = "DEADLINE_EXCEEDED"


class UnsupportedError(TihuaError):
    """The server does not do this: it is older, or built without it."""

    code = "UNIMPLEMENTED"


class ServerError(TihuaError):
    """The server or its model failed, or answered against the contract; a bug to report."""

    code = "INTERNAL"


STATUS_ERRORS: Mapping[str, type[TihuaError]] = MappingProxyType(
    {
        "CANCELLED": UnavailableError,
        "UNKNOWN": ServerError,
        "INVALID_ARGUMENT": InvalidRequestError,
        "DEADLINE_EXCEEDED": DeadlineError,
        "NOT_FOUND": NotFoundError,
        "ALREADY_EXISTS": AlreadyExistsError,
        "PERMISSION_DENIED": PermissionDeniedError,
        "RESOURCE_EXHAUSTED": OverloadedError,
        "FAILED_PRECONDITION": FailedPreconditionError,
        "ABORTED": FailedPreconditionError,
        "OUT_OF_RANGE": InvalidRequestError,
        "UNIMPLEMENTED": UnsupportedError,
        "INTERNAL": ServerError,
        "UNAVAILABLE": UnavailableError,
        "DATA_LOSS": ServerError,
        "UNAUTHENTICATED": UnauthenticatedError,
    }
)
"""The exception of each gRPC status, in the order of their numbers: CANCELLED is 1.

tihua itself never answers CANCELLED: the connection was closed under the call.
"""


def error_for(
    code: str,
    message: str,
    *,
    reason: str = "",
    metadata: Mapping[str, str] = MappingProxyType({}),
    field: str = "",
    retry_after: float | None = None,
    request_id: str = "",
) -> TihuaError:
    """Return the exception for a status.

    Args:
        code: the name of a status; one that is not in the table is a ServerError.
        message: one sentence for people.
        reason: as in google.rpc.ErrorInfo.
        metadata: as in google.rpc.ErrorInfo.
        field: as in google.rpc.BadRequest.
        retry_after: as in google.rpc.RetryInfo, in seconds; None where the server does not
            invite to come back. RESOURCE_EXHAUSTED without it is a message over its limit, which
            waiting does not mend.
        request_id: what the server's log calls the call.
    """
    kind = STATUS_ERRORS.get(code, ServerError)
    if kind is OverloadedError and retry_after is None:
        kind = InvalidRequestError
    error = kind(
        message, code=code, reason=reason, metadata=metadata, field=field, request_id=request_id
    )
    if isinstance(error, OverloadedError) and retry_after is not None:
        error.retry_after = retry_after
    return error
