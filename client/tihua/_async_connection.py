"""Asyncio channels, their stubs, and the one way a call goes through them."""

import asyncio
import os
from collections.abc import Sequence
from functools import cached_property
from typing import TypeAlias, TypeVar

from google.protobuf.message import Message
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tihua._base_connection import BaseConnection, Settings
from tihua._call_retries import CallRetries
from tihua._channel import channel_options
from tihua._convert_items import get_items_request
from tihua._status import translated
from tihua.errors import OverloadedError, UnavailableError
from tihua.v1 import (
    collection_service_pb2_grpc,
    embedding_service_pb2_grpc,
    ingest_service_pb2_grpc,
    search_service_pb2_grpc,
    system_service_pb2_grpc,
)

_HealthCheck: TypeAlias = (
    "aio.UnaryUnaryMultiCallable[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse]"
)
_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)


class AsyncConnection(BaseConnection):
    """The channels, stubs and defaults that the methods of `AsyncClient` share."""

    def __init__(self, settings: Settings) -> None:
        """Check the settings; the first calls create the channels, in their event loop."""
        super().__init__(settings)
        self._is_closed = False
        self._process_id: int | None = None  # of the channels, once there are any

    @cached_property
    def _channel(self) -> aio.Channel:
        return self._opened(channel_options(self.address))

    @cached_property
    def _health_channel(self) -> aio.Channel:
        return self._opened(channel_options(self.address, of_health=True))

    def _opened(self, options: list[tuple[str, int | str]]) -> aio.Channel:
        self.check_open()
        self._process_id = os.getpid()
        if self._credentials is None:
            return aio.insecure_channel(self.address, options=options)
        return aio.secure_channel(self.address, self._credentials, options=options)

    @cached_property
    def collections(self) -> "collection_service_pb2_grpc.CollectionServiceAsyncStub":
        """Return the stub of CollectionService."""
        return collection_service_pb2_grpc.CollectionServiceStub(self._channel)

    @cached_property
    def embedding(self) -> "embedding_service_pb2_grpc.EmbeddingServiceAsyncStub":
        """Return the stub of EmbeddingService."""
        return embedding_service_pb2_grpc.EmbeddingServiceStub(self._channel)

    @cached_property
    def ingest(self) -> "ingest_service_pb2_grpc.IngestServiceAsyncStub":
        """Return the stub of IngestService."""
        return ingest_service_pb2_grpc.IngestServiceStub(self._channel)

    @cached_property
    def search(self) -> "search_service_pb2_grpc.SearchServiceAsyncStub":
        """Return the stub of SearchService."""
        return search_service_pb2_grpc.SearchServiceStub(self._channel)

    @cached_property
    def system(self) -> "system_service_pb2_grpc.SystemServiceAsyncStub":
        """Return the stub of SystemService."""
        return system_service_pb2_grpc.SystemServiceStub(self._channel)

    @cached_property
    def check_health(self) -> _HealthCheck:
        """Return grpc.health.v1.Health.Check, which also reaches a server that refuses calls."""
        health = health_pb2_grpc.HealthStub(self._health_channel)
        check: _HealthCheck = health.Check  # type: ignore[attr-defined]
        return check

    async def call(
        self,
        method: "aio.UnaryUnaryMultiCallable[_Request, _Response]",
        request: _Request,
        timeout: float | CallRetries | None,
        metadata: tuple[tuple[str, str], ...] | None = None,
    ) -> _Response:
        """Return the answer to one request; if the server is full, retry after the delay it names.

        Args:
            method: a method of a stub.
            request: its request.
            timeout: limit of the call, in seconds, None for the client's; or the `CallRetries` of a
                caller for whom this call is one of several attempts.
            metadata: the result of `metadata`, for a caller that needs to know the call's id.

        Raises:
            TihuaError: the call failed.
            RuntimeError: the client is closed, or connected before a fork.
        """
        retries = timeout if isinstance(timeout, CallRetries) else self.retries(timeout)
        metadata = self.metadata() if metadata is None else metadata
        while True:
            self.check_open()
            try:
                with translated(
                    self.address, retries.timeout_s, metadata, is_encrypted=self.is_encrypted
                ):
                    answer = await method(request, timeout=retries.left_s, metadata=metadata)
            except asyncio.CancelledError as error:
                if self.has_cancelled_its_calls():
                    closed = UnavailableError(
                        f"the call to {self.address} was cancelled (the client was closed)",
                        code="CANCELLED",
                    )
                    closed.may_pass = False
                    raise closed from error
                raise
            except OverloadedError as error:
                await asyncio.sleep(retries.delay_after(error))
            else:
                retries.succeeded()
                return answer

    async def stored_ids(self, ids: Sequence[str], collection: str) -> set[str]:
        """Return the ids that exist in a collection.

        Raises:
            TihuaError: the call failed.
        """
        request = get_items_request(ids, collection, fields=())
        answer = await self.call(self.collections.GetItems, request, None)
        return {item.id for item in answer.items}

    def check_open(self) -> None:
        """Raise RuntimeError if the client is closed, or connected before a fork."""
        if self._is_closed:
            raise RuntimeError("this client is closed; make a new one")
        # A forked process has gRPC's channels without its threads: a call would never return.
        if self._is_forked():
            raise RuntimeError(
                "this client connected before a fork; close it before the fork, and make a client "
                "in each process (multiprocessing: or use the start method 'spawn')"
            )

    def has_cancelled_its_calls(self) -> bool:
        """Return whether a CancelledError means only that the client was closed.

        grpc.aio raises it in every task that awaits a call when `close` ends that call. If the task
        itself was cancelled too, the error must propagate.
        """
        task = asyncio.current_task()
        return self._is_closed and task is not None and not task.cancelling()

    def _is_forked(self) -> bool:
        return self._process_id not in {None, os.getpid()}

    async def close(self) -> None:
        """Close the channels; calls in flight fail. Idempotent."""
        self._is_closed = True
        if self._is_forked():  # the channels are those of the parent
            return
        made = [self.__dict__.get(name) for name in ("_channel", "_health_channel")]
        await asyncio.gather(*(channel.close() for channel in made if channel is not None))
