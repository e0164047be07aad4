"""gRPC errors into tihua's, with all that a server tells of them."""

# ruff: noqa: N802 - the names of methods are the contract's

import pickle

import grpc
import pytest
import tihua
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc import aio
from refusals import retry_info, status_with
from server_thread import Serve
from tihua.errors import STATUS_ERRORS, error_for
from tihua.v1 import system_service_pb2, system_service_pb2_grpc


class Failing(system_service_pb2_grpc.SystemServiceServicer):
    """Fails with a status and details."""

    def __init__(self, code: grpc.StatusCode, message: str, *details: Message) -> None:
        """Take the status."""
        self.code = code
        self.message = message
        self.trailers: tuple[tuple[str, str | bytes], ...] = ()
        if details:
            status = status_with(code, message, *details)
            self.trailers = (("grpc-status-details-bin", status.SerializeToString()),)

    def register(self, server: aio.Server) -> None:
        """Add the service to a server."""
        system_service_pb2_grpc.add_SystemServiceServicer_to_server(self, server)

    async def GetServerInfo(
        self,
        request: system_service_pb2.GetServerInfoRequest,
        context: "aio.ServicerContext[Message, Message]",
    ) -> system_service_pb2.GetServerInfoResponse:
        """Fail."""
        await context.abort(self.code, self.message, trailing_metadata=self.trailers)


def error_of(address: str) -> tihua.TihuaError:
    """Return what a call raises."""
    with tihua.Client(address) as client, pytest.raises(tihua.TihuaError) as caught:
        client.server_info(timeout=30)  # less than a full server asks for: it is not waited for
    assert isinstance(caught.value.__cause__, grpc.RpcError)
    return caught.value


def test_every_status_has_an_exception() -> None:
    """In the order of their numbers, which ItemError.code relies on."""
    codes = sorted(grpc.StatusCode, key=lambda code: code.value[0])
    assert list(STATUS_ERRORS) == [code.name for code in codes if code is not grpc.StatusCode.OK]


def test_every_exception_of_the_tree_is_reached() -> None:
    """None is declared that nothing raises."""
    assert set(STATUS_ERRORS.values()) == set(tihua.TihuaError.__subclasses__())


@pytest.mark.parametrize("kind", [tihua.TihuaError, *tihua.TihuaError.__subclasses__()])
def test_an_exception_survives_pickling(kind: type[tihua.TihuaError]) -> None:
    """As it must to cross from a worker process."""
    error = kind("sentence", reason="REASON", metadata={"a": "1"}, field="terms[0]")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.code, copy.reason, copy.metadata, copy.field) == (
        "sentence",
        kind.code,
        "REASON",
        {"a": "1"},
        "terms[0]",
    )


def test_the_details_of_an_error_arrive(serve: Serve) -> None:
    """Reason and values of ErrorInfo, the field of BadRequest, the server's own sentence."""
    violation = error_details_pb2.BadRequest.FieldViolation(field="terms[0].text")
    failing = Failing(
        grpc.StatusCode.INVALID_ARGUMENT,
        "text is 3120 characters; the limit is 2048",
        error_details_pb2.ErrorInfo(
            reason="TEXT_TOO_LONG", domain="tihua", metadata={"limit": "2048"}
        ),
        error_details_pb2.BadRequest(field_violations=[violation]),
    )
    error = error_of(serve(failing.register))
    assert type(error) is tihua.InvalidRequestError
    assert str(error) == error.message == "text is 3120 characters; the limit is 2048"
    assert error.code == "INVALID_ARGUMENT"
    assert error.reason == "TEXT_TOO_LONG"
    assert error.metadata == {"limit": "2048"}
    assert error.field == "terms[0].text"


def test_an_overloaded_server_says_when_to_come_back(serve: Serve) -> None:
    """RetryInfo becomes `retry_after`, in seconds."""
    failing = Failing(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "the queue is full",
        error_details_pb2.ErrorInfo(reason="OVERLOADED", domain="tihua"),
        retry_info(62.5),
    )
    error = error_of(serve(failing.register))
    assert isinstance(error, tihua.OverloadedError)
    assert error.retry_after == 62.5


def test_a_message_over_its_limit_is_a_wrong_request_and_no_overload(serve: Serve) -> None:
    """RESOURCE_EXHAUSTED without RetryInfo: waiting does not mend it."""
    said = "SERVER: Received message larger than max (73400338 vs. 67108864)"
    error = error_of(serve(Failing(grpc.StatusCode.RESOURCE_EXHAUSTED, said).register))
    assert type(error) is tihua.InvalidRequestError
    assert error.message.startswith("the message is 73400338 bytes; the server at ")
    assert error.message.endswith(
        " accepts at most 67108864: send fewer items at once, or smaller ones"
    )


def test_an_answer_over_the_limit_is_one_to_ask_less_of(serve: Serve) -> None:
    """The caller has sent nothing that is large."""
    said = "SERVER: Sent message larger than max (73400338 vs. 67108864)"
    error = error_of(serve(Failing(grpc.StatusCode.RESOURCE_EXHAUSTED, said).register))
    assert type(error) is tihua.InvalidRequestError
    assert error.message.startswith("the answer is 73400338 bytes; the server at ")
    assert error.message.endswith(
        " sends at most 67108864: ask for fewer items at once, or for less of each"
    )


def test_a_store_that_is_away_is_told_in_the_servers_words(serve: Serve) -> None:
    """And not as a server that is away."""
    failing = Failing(
        grpc.StatusCode.UNAVAILABLE,
        "Milvus does not answer",
        error_details_pb2.ErrorInfo(reason="STORE_UNAVAILABLE", domain="tihua"),
    )
    error = error_of(serve(failing.register))
    assert type(error) is tihua.UnavailableError
    assert str(error) == "Milvus does not answer"


def test_a_server_that_is_not_there_is_told_with_the_remedy() -> None:
    """The sentence says what to do; what gRPC said is kept."""
    error = error_of("localhost:1")
    assert str(error) == (
        'no tihua server answers at localhost:1; start one with "tihua-server", or say where it is '
        "with --address or TIHUA_ADDRESS. If it runs, perhaps it accepts no calls at present "
        "(see tihua status --health) or it requires TLS (--tls, --ca)."
    )
    assert "refused" in error.metadata["detail"]


@pytest.mark.parametrize(
    ("address", "tls", "is_told"),
    [("localhost:1", False, True), ("localhost:1", True, False), ("127.0.0.1:1", False, False)],
    ids=["one of its addresses may have answered", "it is used", "nothing listens there"],
)
def test_tls_is_spoken_of_where_it_may_be_why(address: str, tls: bool, is_told: bool) -> None:
    """Of the addresses of a name gRPC tells one error alone."""
    with tihua.Client(address, tls=tls) as client, pytest.raises(tihua.UnavailableError) as caught:
        client.server_info(timeout=30)
    assert str(caught.value).startswith(f"no tihua server answers at {address}; ")
    assert ("TLS" in str(caught.value)) is is_told


def test_a_server_of_something_else_is_told(serve: Serve) -> None:
    """UNIMPLEMENTED from gRPC itself: it has no such service."""
    address = serve(lambda server: None)
    error = error_of(address)
    assert type(error) is tihua.UnsupportedError
    assert f"{address} is not a tihua server, or an older version" in str(error)


def test_a_bug_of_the_server_is_a_server_error(serve: Serve) -> None:
    """Its text is kept for the report."""
    error = error_of(serve(Failing(grpc.StatusCode.INTERNAL, "oops").register))
    assert type(error) is tihua.ServerError
    assert "oops" in str(error)


def test_details_that_cannot_be_read_do_not_hide_the_error(serve: Serve) -> None:
    """A proxy may mangle them."""
    failing = Failing(grpc.StatusCode.NOT_FOUND, "no collection of that name")
    failing.trailers = (("grpc-status-details-bin", b"\xff\xff"),)
    assert type(error_of(serve(failing.register))) is tihua.NotFoundError


def test_a_late_answer_is_a_timeout_error() -> None:
    """So that `except TimeoutError` catches it, as of anything else."""
    error = error_for("DEADLINE_EXCEEDED", "late")
    assert isinstance(error, tihua.DeadlineError)
    assert isinstance(error, TimeoutError)


def test_an_item_error_becomes_the_exception_of_its_code() -> None:
    """With all that it tells."""
    failed = tihua.ItemError(0, "a", "NOT_FOUND", "ITEM_NOT_FOUND", "no such item", {"id": "a"})
    error = failed.to_exception()
    assert type(error) is tihua.NotFoundError
    assert (str(error), error.reason, error.metadata) == (
        "no such item",
        "ITEM_NOT_FOUND",
        {"id": "a"},
    )


def test_an_item_error_that_may_pass_is_an_overload_and_one_that_may_not_is_none() -> None:
    """Both are RESOURCE_EXHAUSTED: a full queue, and a file over its limit."""
    full = tihua.ItemError(0, "", "RESOURCE_EXHAUSTED", "OVERLOADED", "full", retryable=True)
    large = tihua.ItemError(0, "", "RESOURCE_EXHAUSTED", "TOO_LARGE", "large")
    assert type(full.to_exception()) is tihua.OverloadedError
    assert type(large.to_exception()) is tihua.InvalidRequestError


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [({"retry_after_s": "0.3"}, 0.3), ({}, 1.0), ({"retry_after_s": ""}, 1.0)],
)
def test_an_item_error_of_a_full_server_says_when_to_come_back(
    metadata: dict[str, str], expected: float
) -> None:
    """As that of a whole call does; a second where the server doesn't say."""
    code, reason = "RESOURCE_EXHAUSTED", "OVERLOADED"
    full = tihua.ItemError(0, "", code, reason, "full", metadata, retryable=True)
    error = full.to_exception()
    assert isinstance(error, tihua.OverloadedError)
    assert error.retry_after == expected


def test_the_id_that_the_server_tells_is_in_the_exception(serve: Serve) -> None:
    """The server's word goes: it may have made another one."""
    failing = Failing(grpc.StatusCode.INTERNAL, "internal error")
    failing.trailers = (("x-request-id", "4f2a9c"),)
    assert error_of(serve(failing.register)).request_id == "4f2a9c"


def test_a_server_that_is_not_there_has_no_id_of_the_call() -> None:
    """There is no log to look into."""
    assert not error_of("localhost:1").request_id
