"""A server with prepared answers for each method, for tests of what the clients send."""

import asyncio
import threading
from array import array
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message
from grpc import aio
from server_thread import Serve
from tihua.v1 import (
    collection_service_pb2,
    embedding_service_pb2,
    search_service_pb2,
    system_service_pb2,
    types_pb2,
)

Context: TypeAlias = "aio.ServicerContext[Message, Message]"
Call: TypeAlias = Callable[..., Any]
"""Calls a method of a client by its name."""

MODEL = types_pb2.ModelRef(id="fake", fingerprint="fa4efa4efa4efa4e")
TIMING = types_pb2.Timing(queue_us=1, total_us=9, batch_size=4)


def block(*rows: list[float]) -> types_pb2.VectorBlock:
    """Return embeddings of length 2."""
    data = b"".join(array("f", row).tobytes() for row in rows)
    return types_pb2.VectorBlock(data=data, dim=2, count=len(rows))


def failure(index: int) -> types_pb2.ItemError:
    """Return why one input failed."""
    return types_pb2.ItemError(index=index, code=3, reason="EMPTY_TEXT", message="text is empty")


class AnsweringServer:
    """Answers each method as prepared, and records the requests."""

    def __init__(self, serve: Serve) -> None:
        """Start, with no answers."""
        self.answers: dict[str, list[Message | grpc.StatusCode | threading.Event]] = {}
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.seconds_left: list[float] = []
        self.address = serve(self._register)

    def answer(self, method: str, *answers: Message | grpc.StatusCode) -> None:
        """Prepare the answers of a method's next calls; the last is repeated."""
        self.answers[method] = list(answers)

    def hang(self, method: str) -> threading.Event:
        """Leave a method's calls unanswered; return an event that is set when one arrives."""
        has_come = threading.Event()
        self.answers[method] = [has_come]
        return has_come

    def _register(self, server: aio.Server) -> None:
        for module in (
            collection_service_pb2,
            embedding_service_pb2,
            search_service_pb2,
            system_service_pb2,
        ):
            for service in module.DESCRIPTOR.services_by_name.values():
                handlers = {
                    method.name: grpc.unary_unary_rpc_method_handler(
                        self._handler(method.name),
                        getattr(module, method.input_type.name).FromString,
                        getattr(module, method.output_type.name).SerializeToString,
                    )
                    for method in service.methods
                }
                handler = grpc.method_handlers_generic_handler(service.full_name, handlers)
                server.add_generic_rpc_handlers((handler,))

    def _handler(self, method: str) -> Callable[[Message, Context], Coroutine[None, None, Message]]:
        async def handle(request: Message, context: Context) -> Message:
            self.requests.append(request)
            self.metadata.append(dict(context.invocation_metadata() or ()))
            self.seconds_left.append(context.time_remaining())
            answers = self.answers[method]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, grpc.StatusCode):
                await context.abort(answer, "told to")
            if isinstance(answer, threading.Event):
                answer.set()
                await asyncio.Event().wait()
            assert isinstance(answer, Message)
            return answer

        return handle
