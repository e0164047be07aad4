"""What a client is told of the server: its limits, its models and how it does."""

# ruff: noqa: N802 - the name of the method is the contract's

import grpc
from answering_server import MODEL, AnsweringServer, Call, Context
from grpc_health.v1 import health_pb2, health_pb2_grpc
from server_thread import Serve
from tihua.v1 import system_service_pb2


class FakeHealth(health_pb2_grpc.HealthServicer):
    """The server as a whole is well, search is not, and the rest is not there."""

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        """Answer."""
        states = {
            "": health_pb2.HealthCheckResponse.SERVING,
            "tihua.v1.SearchService": health_pb2.HealthCheckResponse.NOT_SERVING,
        }
        if request.service not in states:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return health_pb2.HealthCheckResponse(status=states[request.service])


def test_server_info_tells_limits_and_models(server: AnsweringServer, call: Call) -> None:
    """A caller sizes its batches by this."""
    model = system_service_pb2.ModelInfo(
        ref=MODEL, dim=512, image_size_px=224, context_length=52, engine="torch", device="cpu"
    )
    limits = system_service_pb2.Limits(max_batch_items=256, max_metadata_bytes=8_192)
    response = system_service_pb2.GetServerInfoResponse(
        version="0.1.0", limits=limits, models=[model], store="Milvus Lite 3.2.2"
    )
    server.answer("GetServerInfo", response)
    info = call("server_info")
    assert (info.version, info.store) == ("0.1.0", "Milvus Lite 3.2.2")
    assert (info.limits.max_batch_items, info.limits.max_metadata_bytes) == (256, 8_192)
    assert (info.models[0].ref.id, info.models[0].dim, info.models[0].device) == (
        "fake",
        512,
        "cpu",
    )


def test_health_tells_of_each_service(serve: Serve, server: AnsweringServer, call: Call) -> None:
    """By the standard health service; "" is the server as a whole."""
    server.address = serve(
        lambda target: health_pb2_grpc.add_HealthServicer_to_server(FakeHealth(), target)
    )
    states = call("health")
    assert states[""] == "SERVING"
    assert states["tihua.v1.SearchService"] == "NOT_SERVING"
    assert states["tihua.v1.IngestService"] == "SERVICE_UNKNOWN"
    assert len(states) == 6
