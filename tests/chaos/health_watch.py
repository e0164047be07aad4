"""Compares what health reports during a fault with the truth: whether searches are answered."""

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from tihua.v1 import search_service_pb2, types_pb2
from tihua.v1.search_service_pb2_grpc import SearchServiceStub

from chaos.entries import Entry

SEARCH_SERVICE = "tihua.v1.SearchService"

PAUSE_S = 0.2
"""Pause between two probes."""


@dataclass(frozen=True, slots=True)
class Look:
    """One probe of a server.

    Attributes:
        at_s: when it ended, on the monotonic clock.
        health: health of SearchService: "SERVING", "NOT_SERVING", or "" without an answer.
        works: whether a search was answered; None if the queue was full, which counts as
            neither.
    """

    at_s: float
    health: str
    works: bool | None


class HealthWatch:
    """Probes a server repeatedly, from `__enter__` to `__exit__`.

    Attributes:
        looks: the probes, in order.
    """

    def __init__(self, address: str, collection: str, dim: int) -> None:
        """Prepare to search `collection`, whose embeddings have length `dim`."""
        self._address = address
        embedding = types_pb2.VectorBlock(
            data=Entry("probe-0", 1).embedding(dim).tobytes(), dim=dim, count=1
        )
        self._search = search_service_pb2.SearchRequest(
            collection=collection,
            terms=[search_service_pb2.QueryTerm(embedding=embedding)],
            limit=1,
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health watch")
        self._worked = threading.Condition()
        self.looks: list[Look] = []

    def __enter__(self) -> Self:
        """Start probing."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop probing."""
        self._stop.set()
        self._thread.join()

    def wait_until_it_works(self, since_s: float, timeout_s: float) -> float:
        """Return how many seconds after `since_s` the first search was answered.

        Raises:
            AssertionError: no search was answered within `timeout_s`.
        """
        with self._worked:
            found = self._worked.wait_for(lambda: self._first_after(since_s), timeout_s)
        assert found, f"no search was answered within {timeout_s:g} s"
        return found - since_s

    def longest_lie_s(self) -> tuple[float, str]:
        """Return the longest time for which health was wrong, in seconds, and how it was wrong."""
        longest, said = 0.0, ""
        begin_s, current = 0.0, ""
        for look in self.looks:
            lie = _lie(look)
            if lie != current:
                begin_s, current = look.at_s, lie
            if lie and look.at_s - begin_s > longest:
                longest, said = look.at_s - begin_s, lie
        return longest, said

    def _first_after(self, since_s: float) -> float:
        return next((look.at_s for look in self.looks if look.works and look.at_s > since_s), 0.0)

    def _run(self) -> None:
        options = [("grpc.enable_retries", 0), ("grpc.max_reconnect_backoff_ms", 200)]
        with grpc.insecure_channel(self._address, options) as channel:
            health: Any = HealthStub(channel)
            searching = SearchServiceStub(channel)
            while not self._stop.wait(PAUSE_S):
                said = _health(health)
                works = _works(searching, self._search)
                with self._worked:
                    self.looks.append(Look(time.monotonic(), said, works))
                    self._worked.notify_all()


def _lie(look: Look) -> str:
    if look.health == "SERVING" and look.works is False:
        return "SERVING while no search was answered"
    if look.health == "NOT_SERVING" and look.works:
        return "NOT_SERVING while searches were answered"
    return ""


def _health(stub: Any) -> str:
    request = health_pb2.HealthCheckRequest(service=SEARCH_SERVICE)
    try:
        status = stub.Check(request, timeout=2).status
    except grpc.RpcError:
        return ""
    return health_pb2.HealthCheckResponse.ServingStatus.Name(status)


def _works(stub: SearchServiceStub, request: search_service_pb2.SearchRequest) -> bool | None:
    try:
        stub.Search(request, timeout=10)
    except grpc.RpcError as error:
        return None if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED else False
    return True
