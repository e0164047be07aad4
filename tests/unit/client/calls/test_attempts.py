"""How long a call may take, and how often it is tried."""

import re
import socket

import grpc
import pytest
import tihua
from answering_server import AnsweringServer, Call
from server_thread import Serve
from tihua.v1 import collection_service_pb2, search_service_pb2


def test_a_call_has_the_clients_deadline_or_its_own(server: AnsweringServer, call: Call) -> None:
    """There is always one, and the server knows it."""
    server.answer("CountItems", collection_service_pb2.CountItemsResponse())
    call("count_items")
    call("count_items", timeout=5.0)
    own, given = server.seconds_left
    assert 10.0 < own < 21.0  # gRPC rounds a deadline up on its way
    assert 0.0 < given < 6.0


@pytest.mark.parametrize("timeout", [float("inf"), float("nan"), 0, -1.0, 86_401, 1e9])
def test_a_limit_that_no_call_can_have_is_refused(timeout: float) -> None:
    """GRPC would take some of them for the past: every call would end at once."""
    with pytest.raises(tihua.InvalidRequestError, match="must be more than 0 and at most 86400"):
        tihua.Client(timeout=timeout)


def test_such_a_limit_is_refused_wherever_it_is_given(server: AnsweringServer, call: Call) -> None:
    """For a client or for one call, of either kind; nothing is sent."""
    with pytest.raises(tihua.InvalidRequestError, match="timeout is -1 s"):
        tihua.AsyncClient(timeout=-1)
    for method, arguments in (("count_items", ()), ("search_many", ([tihua.Query(text="马")],))):
        with pytest.raises(tihua.InvalidRequestError, match="timeout is -1 s"):
            call(method, *arguments, timeout=-1)
    assert server.requests == []


def test_an_answer_that_is_late_is_a_deadline_error(serve: Serve) -> None:
    """The sentence names the limit."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with tihua.Client(address) as client, pytest.raises(TimeoutError, match=r"within 0\.2 s"):
            client.count_items(timeout=0.2)


def test_a_call_that_is_safe_to_repeat_is_repeated(server: AnsweringServer, call: Call) -> None:
    """A server that is just starting is not the caller's trouble."""
    unavailable = grpc.StatusCode.UNAVAILABLE
    server.answer("Search", unavailable, unavailable, search_service_pb2.SearchResponse())
    assert len(call("search", text="夕阳")) == 0
    assert len(server.requests) == 3


def test_a_call_is_not_repeated_for_ever(server: AnsweringServer, call: Call) -> None:
    """Four attempts, then the error."""
    server.answer("CountItems", grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(tihua.UnavailableError):
        call("count_items")
    assert len(server.requests) == 4


@pytest.mark.parametrize("method", ["CreateCollection", "DeleteCollection", "BuildIndex"])
def test_a_call_that_is_not_safe_to_repeat_is_not(
    server: AnsweringServer, call: Call, method: str
) -> None:
    """Its second attempt would fail though the first succeeded, or do hours of work again."""
    server.answer(method, grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(tihua.UnavailableError):
        call(re.sub("(?<=[a-z])(?=[A-Z])", "_", method).lower(), "mine")
    assert len(server.requests) == 1


def test_a_refused_call_is_not_repeated(server: AnsweringServer, call: Call) -> None:
    """Only UNAVAILABLE may pass by itself."""
    server.answer("CountItems", grpc.StatusCode.NOT_FOUND)
    with pytest.raises(tihua.NotFoundError):
        call("count_items")
    assert len(server.requests) == 1
