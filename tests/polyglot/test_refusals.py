"""What other servers may say than this one: a proxy before it, one that stops, a later version."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from pathlib import Path
from typing import TypeAlias

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from refusals import status_with
from repository import ROOT
from toolchains import Programs
from tours import QUERY_PICTURE, ended, lines_of, start

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600, func_only=True)]

MESSAGE = "no field in particular"

ARGUMENTS = ("none", QUERY_PICTURE.parent, QUERY_PICTURE)

SERVICE_CONFIG = {
    "TIHUA_SERVICE_CONFIG": str(ROOT / "protos" / "service_config.json"),
    "GRPC_GO_RETRY": "on",  # grpc-go repeats calls by itself from 1.40 on
}

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

Answer: TypeAlias = Callable[[bytes, grpc.ServicerContext], bytes]


def tell(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Answer with an empty message."""
    return b""


def refuse(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Refuse with details that say little."""
    details = (error_details_pb2.BadRequest(), health_pb2.HealthCheckRequest())
    status = status_with(grpc.StatusCode.INVALID_ARGUMENT, MESSAGE, *details)
    context.abort_with_status(rpc_status.to_status(status))


@contextlib.contextmanager
def serving(embed_text: Answer, system: int = SERVING) -> Iterator[str]:
    """Run a server that has no other method of use; yield its address.

    Args:
        embed_text: how it answers that.
        system: the health of its SystemService.
    """
    server = grpc.server(futures.ThreadPoolExecutor(2))
    states = health.HealthServicer()
    states.set("", SERVING)
    states.set("tihua.v1.SystemService", system)
    health_pb2_grpc.add_HealthServicer_to_server(states, server)
    answers = {
        "SystemService": ("GetServerInfo", tell),
        "EmbeddingService": ("EmbedText", embed_text),
    }
    for service, (method, answer) in answers.items():
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            method: grpc.unary_unary_rpc_method_handler(answer)
        }
        handler = grpc.method_handlers_generic_handler(f"tihua.v1.{service}", handlers)
        server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()


def failed(
    command: Sequence[str | Path], address: str, **environment: str
) -> tuple[list[str], str]:
    """Run a tour that fails; return the steps that it made, and its last words."""
    process = start(command, address, **environment)
    output, errors = ended(process)
    assert process.returncode != 0
    return [line["step"] for line in lines_of(output)], errors


def test_details_without_content_are_no_error_of_their_own(built: Programs) -> None:
    """The message is shown beside a BadRequest without fields and a detail that nobody knows."""
    with serving(refuse) as address:
        steps, errors = failed([*built["tour"], *ARGUMENTS], address)
    assert steps == ["health", "info"]
    assert MESSAGE in errors


def test_a_service_config_has_calls_repeated(built: Programs) -> None:
    """The first two attempts meet a server that stops, and the third is answered."""
    codes = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED]

    def stop_twice(request: bytes, context: grpc.ServicerContext) -> bytes:
        if codes:
            context.abort(codes.pop(0), "the server stops")
        return refuse(request, context)

    with serving(stop_twice) as address:
        _, errors = failed([*built["tour"], *ARGUMENTS], address, **SERVICE_CONFIG)
    assert MESSAGE in errors


@pytest.mark.parametrize("name", ["cpp", "go"])
def test_a_service_config_keeps_calls_from_who_takes_none(
    programs: Callable[[str], Programs], name: str
) -> None:
    """They ask grpc.health.v1; the other two can't, or not with what Debian has of them."""
    with serving(refuse, system=NOT_SERVING) as address:
        steps, _ = failed([*programs(name)["tour"], *ARGUMENTS], address, **SERVICE_CONFIG)
    assert steps == []
