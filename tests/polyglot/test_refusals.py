"""Refusals that another than this server may send: a proxy before it, or a later version."""

from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from toolchains import Programs
from tours import QUERY_PICTURE, ended, lines_of, start

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600, func_only=True)]

MESSAGE = "no field in particular"


def tell(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Answer with an empty message."""
    return b""


def refuse(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Refuse with details that say little."""
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message=MESSAGE)
    for detail in (error_details_pb2.BadRequest(), health_pb2.HealthCheckRequest()):
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    context.abort_with_status(rpc_status.to_status(status))


@pytest.fixture
def address() -> Iterator[str]:
    """Where such a server is."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    states = health.HealthServicer()
    states.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(states, server)
    answers = {"SystemService": ("GetServerInfo", tell), "EmbeddingService": ("EmbedText", refuse)}
    for service, (method, answer) in answers.items():
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            method: grpc.unary_unary_rpc_method_handler(answer)
        }
        handler = grpc.method_handlers_generic_handler(f"tihua.v1.{service}", handlers)
        server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(grace=None).wait()


def test_details_without_content_are_no_error_of_their_own(
    language: str, programs: Callable[[str], Programs], address: str
) -> None:
    """A BadRequest that names no field, and a detail that no client knows: the message is shown."""
    command = [*programs(language)["tour"], "none", QUERY_PICTURE.parent, QUERY_PICTURE]
    process = start(command, address)
    output, errors = ended(process)
    assert process.returncode != 0
    assert [line["step"] for line in lines_of(output)] == ["health", "info"]
    assert MESSAGE in errors
