"""Refusals as a tihua server sends them: statuses with details."""

from collections.abc import Mapping
from types import MappingProxyType

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2


def status_with(code: grpc.StatusCode, message: str, *details: Message) -> status_pb2.Status:
    """Return a status with details."""
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def retry_info(delay_s: float) -> error_details_pb2.RetryInfo:
    """Return the detail that asks a client to wait."""
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(round(delay_s * 1000))
    return error_details_pb2.RetryInfo(retry_delay=delay)


def refusal(
    code: grpc.StatusCode,
    message: str,
    retry_after_s: float | None = None,
    *,
    reason: str = "SOME_REASON",
    metadata: Mapping[str, str] = MappingProxyType({}),
) -> status_pb2.Status:
    """Return a status with an ErrorInfo, and a RetryInfo if there is a delay."""
    info = error_details_pb2.ErrorInfo(reason=reason, domain="tihua", metadata=metadata)
    delays = [] if retry_after_s is None else [retry_info(retry_after_s)]
    return status_with(code, message, info, *delays)
