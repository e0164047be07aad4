"""Translates gRPC errors into tihua's; nothing else does.

The errors of a tihua server carry google.rpc.ErrorInfo and a sentence for people. Errors without it
come from the network, a proxy or a deadline, and get their sentence here.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from tihua._call_metadata import Metadata, request_id_of
from tihua.errors import TihuaError, UnavailableError, error_for


@contextmanager
def translated(
    address: str, timeout: float, sent: Metadata, *, is_encrypted: bool
) -> Iterator[None]:
    """Raise a TihuaError for any error that gRPC raises inside.

    Args:
        address: the server's address, for the message.
        timeout: the call's deadline in seconds, for the message.
        sent: the call's metadata, for its id.
        is_encrypted: whether the client uses TLS, for the message.
    """
    try:
        yield
    except grpc.RpcError as error:
        raise error_from_rpc(error, address, timeout, sent, is_encrypted=is_encrypted) from error


def error_from_rpc(
    error: grpc.RpcError,
    address: str,
    timeout: float | None = None,
    sent: Metadata = (),
    *,
    is_encrypted: bool,
) -> TihuaError:
    """Return the exception for a failed call, blocking or not; arguments as in `translated`."""
    call = cast("grpc.Call", error)
    code = call.code().name
    details = call.details() or ""
    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    bad_request = error_details_pb2.BadRequest()
    for detail in _rich_details(call):
        for kind in (info, retry, bad_request):
            detail.Unpack(kind)
    violations = bad_request.field_violations
    has_retry = retry.HasField("retry_delay")
    failure = error_for(
        code,
        details
        if info.reason
        else _explained(code, details, address, timeout, is_encrypted=is_encrypted),
        reason=info.reason,
        metadata=dict(info.metadata) if info.reason else {"detail": details},
        field=violations[0].field if violations else "",
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if has_retry else None,
        request_id=_request_id(call, code, sent),
    )
    if isinstance(failure, UnavailableError) and not info.reason and _lasting_fault(details):
        failure.may_pass = bool(_SEVERAL_SERVERS.match(address))
    return failure


def _request_id(call: grpc.Call, code: str, sent: Metadata) -> str:
    """Return the call's id in the server's log; empty if it may not have reached the server."""
    returned = request_id_of(cast("Metadata | None", call.trailing_metadata()))
    # After a timeout the server may have got the call, and its log may show why it was late.
    return returned or (request_id_of(sent) if code == "DEADLINE_EXCEEDED" else "")


def _rich_details(call: grpc.Call) -> list["status_pb2.any__pb2.Any"]:
    try:
        status = rpc_status.from_call(call)
    except (DecodeError, ValueError):  # not a google.rpc.Status, or its code is not the call's
        return []
    return list(status.details) if status is not None else []


def _explained(
    code: str, details: str, address: str, timeout: float | None, *, is_encrypted: bool
) -> str:
    match code:
        case "UNAVAILABLE" if details.endswith("backend unhealthy"):  # by grpc.health.v1
            return (
                f"the server at {address} is starting, shutting down or in trouble with its model; "
                "try again in a moment"
            )
        case "UNAVAILABLE" if fault := (
            _lasting_fault(details) or _likely_fault(details, is_encrypted=is_encrypted)
        ):
            return f"can't connect to {address}: {fault}"
        case "UNAVAILABLE":
            return (
                f'no tihua server answers at {address}; start one with "tihua-server", or say '
                "where it is with --address or TIHUA_ADDRESS"
            ) + _if_it_runs(details, address, is_encrypted=is_encrypted)
        case "DEADLINE_EXCEEDED" if timeout is not None:
            return f"no answer from {address} within {timeout:g} s; raise the timeout"
        case "DEADLINE_EXCEEDED":
            return f"no answer from {address} in time; raise the timeout"
        case "UNIMPLEMENTED":
            return f"{address} is not a tihua server, or an older version ({details})"
        case "RESOURCE_EXHAUSTED" if sizes := _MESSAGE_SIZES.search(details):
            if sizes[1] == "Sent":
                return (
                    f"the answer is {sizes[2]} bytes; the server at {address} sends at most "
                    f"{sizes[3]}: ask for fewer items at once, or for less of each"
                )
            return (
                f"the message is {sizes[2]} bytes; the server at {address} accepts at most "
                f"{sizes[3]}: send fewer items at once, or smaller ones"
            )
        case "CANCELLED":
            return f"the call to {address} was cancelled ({details})"
        case _:
            return f"{address} answered {code}: {details}"


_MESSAGE_SIZES = re.compile(r"(Sent|Received) message larger than max \((\d+) vs\. (\d+)\)")
"""gRPC's message about the size of a message and its limit."""

_CONNECTING = re.compile(r"failed to connect to all addresses|connections to all backends failing")
"""The start of gRPC's message when it could not connect, unlike a connection that broke later."""

_HANDSHAKE_FAULTS = {
    r"certificate has expired": "its certificate has expired; renew it on the server",
    r"certificate is not yet valid": "its certificate is not valid yet; are both clocks right?",
    r"Hostname Verification Check failed|not in peer certificate": (
        "its certificate is for another name; use an address that the certificate names"
    ),
    r"CERTIFICATE_VERIFY_FAILED": (
        "its certificate is not signed by a CA that is trusted; name its CA with --ca (ca_file)"
    ),
    r"WRONG_VERSION_NUMBER": (
        "it does not speak TLS; leave --tls out, or start the server with --tls-cert and --tls-key"
    ),
}
"""Messages of gRPC and BoringSSL about a failed handshake, and what they mean."""

_CLOSED = re.compile(r"Socket closed|Connection reset|Broken pipe|Tls handshake failed")
"""gRPC's messages when a server drops the connection because of how the client speaks."""

_ONE_ADDRESS = re.compile(r"([0-9.]+|\[.+\]):[0-9]+|unix(-abstract)?:.+")
"""An IP address or a socket; a name may have several, as localhost has ::1 and 127.0.0.1."""

_NONE_OF_SEVERAL = "connections to all backends failing"
"""gRPC's message when health checks also decide which of the addresses gets a call."""

_SEVERAL_SERVERS = re.compile(r"dns:|.+,")
"""Targets of several servers: gRPC reports the fault of one, and another may be back soon."""


def _lasting_fault(details: str) -> str:
    """Return the known fault in the security of a connection; empty if there is none."""
    if _CONNECTING.search(details):
        for said, fault in _HANDSHAKE_FAULTS.items():
            if re.search(said, details):
                return fault
    return ""


def _likely_fault(details: str, *, is_encrypted: bool) -> str:
    """Return the likely fault; a proxy whose server is starting closes connections too."""
    if not (_CONNECTING.search(details) and _CLOSED.search(details)):
        return ""
    wanted = "" if is_encrypted else "TLS (--tls, --ca), or "
    return (
        f"it closes the connection; it may require {wanted}a client certificate that it "
        "trusts (--cert and --key)"
    )


def _if_it_runs(details: str, address: str, *, is_encrypted: bool) -> str:
    """Return the sentence on what may be wrong if a server does run at the address, or nothing.

    Of several addresses gRPC reports only the last error: one may have no server, while the server
    at another closed the connection or refuses calls.
    """
    perhaps = []
    if not _ONE_ADDRESS.fullmatch(address) and _NONE_OF_SEVERAL in details:
        perhaps.append("it accepts no calls at present (see tihua status --health)")
    elif _ONE_ADDRESS.fullmatch(address) and "Connection refused" in details:
        return ""
    if not is_encrypted:
        perhaps.append("it requires TLS (--tls, --ca)")
    return f". If it runs, perhaps {' or '.join(perhaps)}." if perhaps else ""
