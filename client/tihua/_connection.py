"""Blocking channels, their stubs, and the one way a call goes through them."""

import os
import time
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message
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
    "grpc.UnaryUnaryMultiCallable[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse]"
)
_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)


class Connection(BaseConnection):
    """The channels, stubs and defaults that the methods of `Client` share.

    Attributes:
        collections, embedding, ingest, search, system: the stubs of the services.
        check_health: grpc.health.v1.Health.Check, which also reaches a server that refuses calls.
    """

    def __init__(self, settings: Settings) -> None:
        """Prepare the channels; nothing is sent."""
        super().__init__(settings)
        self._channel, self._health_channel = (
            grpc.insecure_channel(self.address, options=options)
            if self._credentials is None
            else grpc.secure_channel(self.address, self._credentials, options=options)
            for options in (
                channel_options(self.address),
                channel_options(self.address, of_health=True),
            )
        )
        self._is_closed = False
        self._process_id = os.getpid()
        self.collections = collection_service_pb2_grpc.CollectionServiceStub(self._channel)
        self.embedding = embedding_service_pb2_grpc.EmbeddingServiceStub(self._channel)
        self.ingest = ingest_service_pb2_grpc.IngestServiceStub(self._channel)
        self.search = search_service_pb2_grpc.SearchServiceStub(self._channel)
        self.system = system_service_pb2_grpc.SystemServiceStub(self._channel)
        health = health_pb2_grpc.HealthStub(self._health_channel)
        self.check_health: _HealthCheck = health.Check  # type: ignore[attr-defined]

    def call(
        self,
        method: "grpc.UnaryUnaryMultiCallable[_Request, _Response]",
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
            RuntimeError: the client is closed, or was made before a fork.
        """
        retries = timeout if isinstance(timeout, CallRetries) else self.retries(timeout)
        metadata = self.metadata() if metadata is None else metadata
        while True:
            self.check_open()
            try:
                with translated(
                    self.address, retries.timeout_s, metadata, is_encrypted=self.is_encrypted
                ):
                    answer = method(request, timeout=retries.left_s, metadata=metadata)
            except UnavailableError as error:
                if self._is_closed:
                    error.may_pass = False
                raise
            except OverloadedError as error:
                time.sleep(retries.delay_after(error))
            else:
                retries.succeeded()
                return answer

    def stored_ids(self, ids: Sequence[str], collection: str) -> set[str]:
        """Return the ids that exist in a collection.

        Raises:
            TihuaError: the call failed.
        """
        request = get_items_request(ids, collection, fields=())
        answer = self.call(self.collections.GetItems, request, None)
        return {item.id for item in answer.items}

    def check_open(self) -> None:
        """Raise RuntimeError if the client is closed, or was made before a fork."""
        if self._is_closed:
            raise RuntimeError("this client is closed; make a new one")
        # A forked process has gRPC's channels without its threads: a call would never return.
        if self._is_forked():
            raise RuntimeError(
                "this client was made before a fork; make a client in each process, after it "
                "starts (multiprocessing: or use the start method 'spawn')"
            )

    def _is_forked(self) -> bool:
        return self._process_id != os.getpid()

    def close(self) -> None:
        """Close the channels; calls in flight fail. Idempotent."""
        self._is_closed = True
        if self._is_forked():  # the channels are those of the parent
            return
        self._channel.close()
        self._health_channel.close()
