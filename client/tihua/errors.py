"""Every exception that tihua raises, by what a caller can do about it.

    TihuaError
     ├── InvalidRequestError      the request is wrong: correct it
     ├── UnauthenticatedError     the server requires a token that it knows: get one
     ├── PermissionDeniedError    the token may not do this: get another
     ├── NotFoundError            no collection, item or model of that name: look elsewhere
     ├── AlreadyExistsError       the name or id is taken: choose another
     ├── FailedPreconditionError  another model's collection, or one that is not loaded
     ├── OverloadedError          the server is busy: wait `retry_after` seconds, then try again
     ├── UnavailableError         server or store do not answer: try again, or find out why
     ├── DeadlineError            not done in time (also a TimeoutError): allow more time
     ├── UnsupportedError         the server lacks the method: it is older
     └── ServerError              the server failed: report it if it is a bug

`except tihua.TihuaError` catches every error of the request, the network and the server. An
argument of the wrong type, such as a number for a text, raises TypeError as usual, and a client
that is closed, or was made (`AsyncClient`: connected) before a fork, raises RuntimeError.

This module does not import gRPC, so that importing tihua does not either. `_status.py` parses the
status that came over the wire, and `error_for` maps it to an exception, by the only table.
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
    """The base class of tihua's errors; only its subclasses are raised.

    Attributes:
        message: one sentence for people: the value, the bound, the remedy.
        code: the gRPC status by name: `NOT_FOUND`.
        reason: stable and machine-readable, finer than the code: `MODEL_MISMATCH`. Empty if the
            error comes from the network and not from a tihua server.
        metadata: the values that the message names.
        field: the request field at fault as a path, `terms[0].text`; empty if there is none.
        request_id: the id of the call in the server's log, for the server's operator; empty if the
            call is not known to have reached a server.
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
    """The request is wrong, and the same call fails again; the message says what to correct.

    Raised by the server, and by the client before it sends anything.
    """

    code = "INVALID_ARGUMENT"


class UnauthenticatedError(TihuaError):
    """The server requires a token, and the call carries none or one that it does not know."""

    code = "UNAUTHENTICATED"


class PermissionDeniedError(TihuaError):
    """The token's role does not allow the call; the message names both."""

    code = "PERMISSION_DENIED"


class NotFoundError(TihuaError):
    """There is no collection, alias, item, model or file of that name."""

    code = "NOT_FOUND"


class AlreadyExistsError(TihuaError):
    """The name or id is taken."""

    code = "ALREADY_EXISTS"


class FailedPreconditionError(TihuaError):
    """The server's state does not allow the call; a retry helps only once that has changed.

    The collection holds another model's embeddings (reason `MODEL_MISMATCH`), is not loaded
    (`COLLECTION_NOT_LOADED`) or has aliases (`COLLECTION_HAS_ALIASES`); or another stream took over
    the ingest session (code `ABORTED`), the session belongs to other items or had them in other
    batches (`SESSION_DIFFERS`), or it is not known which of its items are safe (`NO_BOOKMARK`).
    """

    code = "FAILED_PRECONDITION"


class OverloadedError(TihuaError):
    """The server is full; the same call may succeed later.

    The client has already tried up to four times, as far as `timeout` and its retry budget allowed.

    Attributes:
        retry_after: how long to wait before the next attempt, in seconds.
    """

    code = "RESOURCE_EXHAUSTED"
    retry_after = 1.0


class UnavailableError(TihuaError):
    """The server or its store does not answer; the same call may succeed later.

    Calls that are safe to repeat have already been repeated (`_channel.py`).

    Attributes:
        may_pass: False if waiting does not help: the server's certificate is not trusted, not valid
            now or issued for another name, or the server does not speak TLS. True for an address of
            several servers (`dns:…`, or a list), because only one of them may have that fault.
            False, too, for a call that was in flight when its client was closed.
    """

    code = "UNAVAILABLE"
    may_pass = True


class DeadlineError(TihuaError, TimeoutError):
    """The answer did not come within `timeout`."""

    code = "DEADLINE_EXCEEDED"


class UnsupportedError(TihuaError):
    """The server lacks this method: it is older than the client, or not a tihua server."""

    code = "UNIMPLEMENTED"


class ServerError(TihuaError):
    """The server, its store or its model failed, or the answer violates the contract."""

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

tihua itself never answers CANCELLED; it means that the connection was closed during the call.
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
        retry_after: as in google.rpc.RetryInfo, in seconds; None if the server sent none.
            RESOURCE_EXHAUSTED without it means that a limit was exceeded, where waiting does not
            help.
        request_id: the id of the call in the server's log.
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
