"""Which gRPC status each error becomes, and what details travel with it (AIP-193)."""

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from tihua.v1 import types_pb2

from tihua_server import errors
from tihua_server.errors import ServiceError

DOMAIN = "tihua"
"""`ErrorInfo.domain` of every error that is ours."""

DETAILS_KEY = "grpc-status-details-bin"
"""Trailer that carries a google.rpc.Status (gRPC's richer error model)."""

MAX_MESSAGE_BYTES = 600
"""Longest message sent, as UTF-8. gRPC peers refuse headers beyond 8 KiB, and a message is in them
three times: percent-encoded, which makes nine bytes of a Chinese character, and twice in base64."""

MAX_VALUE_BYTES = 300
"""Longest value of `ErrorInfo.metadata`, and path of a field; the longest name has 255."""

STATUS_CODES: dict[type[ServiceError], grpc.StatusCode] = {
    ServiceError: grpc.StatusCode.INTERNAL,
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    errors.OutOfOrder: grpc.StatusCode.OUT_OF_RANGE,
    errors.SessionConflict: grpc.StatusCode.FAILED_PRECONDITION,
    errors.SessionTaken: grpc.StatusCode.ABORTED,
    errors.StreamIdle: grpc.StatusCode.UNAVAILABLE,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.ModelMismatch: grpc.StatusCode.FAILED_PRECONDITION,
    errors.CollectionNotReady: grpc.StatusCode.FAILED_PRECONDITION,
    errors.CollectionInUse: grpc.StatusCode.FAILED_PRECONDITION,
    errors.CollectionMoved: grpc.StatusCode.UNAVAILABLE,
    errors.TooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.StoreFull: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.TooManyStreams: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Draining: grpc.StatusCode.UNAVAILABLE,
    errors.StoreUnavailable: grpc.StatusCode.UNAVAILABLE,
    errors.StoreError: grpc.StatusCode.INTERNAL,
    errors.CollectionDamaged: grpc.StatusCode.INTERNAL,
    errors.ModelError: grpc.StatusCode.INTERNAL,
    errors.ModelOutOfMemory: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.PrecisionTooLow: grpc.StatusCode.INTERNAL,
    errors.DeviceLost: grpc.StatusCode.UNAVAILABLE,
}

_RETRYABLE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED}

_RETRY_LATER = (errors.Overloaded, errors.ModelOutOfMemory)
"""Errors that say when to try again."""


def status_code(error: ServiceError) -> grpc.StatusCode:
    """Return the status of an error."""
    return STATUS_CODES[type(error)]


def rich_status(error: ServiceError, request_id: str = "") -> status_pb2.Status:
    """Return the error as google.rpc.Status, with BadRequest or RetryInfo if they help.

    Args:
        error: what went wrong.
        request_id: what the log calls the call, for RequestInfo; empty leaves that out.
    """
    message = _shortened(error.message, MAX_MESSAGE_BYTES)
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=_values(error))
    ]
    if error.field:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=_shortened(error.field, MAX_VALUE_BYTES), description=message
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if isinstance(error, _RETRY_LATER):
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(error.retry_after_s * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    if request_id:
        details.append(error_details_pb2.RequestInfo(request_id=request_id))
    status = status_pb2.Status(code=status_code(error).value[0], message=message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def item_error(index: int, item_id: str, error: ServiceError) -> types_pb2.ItemError:
    """Return the error of one input of many."""
    code = status_code(error)
    return types_pb2.ItemError(
        index=index,
        id=item_id,
        code=code.value[0],
        reason=error.reason,
        message=_shortened(error.message, MAX_MESSAGE_BYTES),
        metadata=_values(error),
        retryable=code in _RETRYABLE or isinstance(error, _RETRY_LATER),
    )


def _values(error: ServiceError) -> dict[str, str]:
    return {key: _shortened(value, MAX_VALUE_BYTES) for key, value in error.metadata.items()}


def _shortened(text: str, max_bytes: int) -> str:
    encoded = text.encode()
    if len(encoded) <= max_bytes:
        return text
    return encoded[: max_bytes - len("…".encode())].decode(errors="ignore") + "…"
