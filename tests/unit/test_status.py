"""Errors as statuses."""

import base64
import urllib.parse

import grpc
import pytest
from google.rpc import error_details_pb2
from tihua_server import errors
from tihua_server.rpc.status import DOMAIN, STATUS_CODES, item_error, rich_status


def subclasses(root: type[errors.ServiceError]) -> list[type[errors.ServiceError]]:
    """Return the class and everything below it."""
    return [root, *(leaf for child in root.__subclasses__() for leaf in subclasses(child))]


def test_every_error_has_a_status() -> None:
    """A new error must say what a caller sees."""
    assert set(subclasses(errors.ServiceError)) == set(STATUS_CODES)


def test_every_error_has_a_reason_for_machines() -> None:
    """Reasons are UPPER_SNAKE_CASE (AIP-193)."""
    reasons = [error.reason for error in STATUS_CODES]
    assert all(reason == reason.upper() and reason.isidentifier() for reason in reasons)


def test_a_status_tells_reason_and_values() -> None:
    """A program need not read the sentence."""
    status = rich_status(errors.InvalidInput("limit is 0", reason="OUT", metadata={"limit": 0}))
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason, dict(info.metadata)) == (DOMAIN, "OUT", {"limit": "0"})


def test_an_error_of_a_field_names_it() -> None:
    """BadRequest points at the field."""
    status = rich_status(errors.InvalidInput("limit is 0", field="limit"))
    bad = error_details_pb2.BadRequest()
    assert status.details[1].Unpack(bad)
    assert bad.field_violations[0].field == "limit"


def test_overload_says_when_to_come_back() -> None:
    """RetryInfo carries the delay."""
    status = rich_status(errors.Overloaded("full", retry_after_s=1.5))
    retry = error_details_pb2.RetryInfo()
    assert status.details[1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 1500


@pytest.mark.parametrize(
    ("error", "is_retryable"),
    [
        (errors.InvalidInput("no"), False),
        (errors.Overloaded("full"), True),
        (errors.StoreUnavailable("gone"), True),
        (errors.DeviceLost("gone"), True),
        (errors.TooLarge("big"), False),
    ],
)
def test_an_input_error_says_whether_to_retry(
    error: errors.ServiceError, is_retryable: bool
) -> None:
    """What may succeed later is told apart from what never will."""
    assert item_error(0, "a", error).retryable is is_retryable


@pytest.mark.parametrize("kind", STATUS_CODES)
def test_no_status_is_too_large_for_a_header(kind: type[errors.ServiceError]) -> None:
    """Peers refuse headers beyond 8 KiB, and then the caller would see nothing of it."""
    error = kind("题" * 5_000)
    error.field = "题" * 5_000
    error.metadata |= dict.fromkeys(["a", "b", "c", "d"], "题" * 5_000)

    status = rich_status(error, "r" * 64)

    encoded = base64.b64encode(status.SerializeToString())
    assert len(urllib.parse.quote(status.message)) + len(encoded) < 8_192
    assert status.message.endswith("题…")
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.metadata["a"].endswith("题…")


def test_codes_are_what_the_contract_says() -> None:
    """types.proto lists the meanings."""
    assert STATUS_CODES[errors.ModelMismatch] is grpc.StatusCode.FAILED_PRECONDITION
    assert STATUS_CODES[errors.OutOfOrder] is grpc.StatusCode.OUT_OF_RANGE
    assert STATUS_CODES[errors.SessionTaken] is grpc.StatusCode.ABORTED
    assert STATUS_CODES[errors.DeviceLost] is grpc.StatusCode.UNAVAILABLE
