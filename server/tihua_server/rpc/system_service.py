"""SystemService over gRPC."""

from dataclasses import asdict

from tihua.v1 import system_service_pb2 as pb
from tihua.v1 import system_service_pb2_grpc as rpc

from tihua_server.config import Config
from tihua_server.rpc.answers import from_model
from tihua_server.rpc.call import Context
from tihua_server.served_models import ServedModels
from tihua_server.vector_store import VectorStore


class SystemService(rpc.SystemServiceServicer):
    """Answers GetServerInfo."""

    def __init__(
        self, models: ServedModels, store: VectorStore, config: Config, *, version: str
    ) -> None:
        """Build the answer once; it never changes."""
        limits = pb.Limits(**asdict(config.limits), max_queue_size=config.max_queue_size)
        self._answer = pb.GetServerInfoResponse(
            version=version,
            limits=limits,
            models=[from_model(model) for model in models],
            store=store.kind,
            takes_image_paths=config.image_root is not None,
        )

    async def GetServerInfo(
        self, request: pb.GetServerInfoRequest, context: Context
    ) -> pb.GetServerInfoResponse:
        """Return version, limits, models and store."""
        return self._answer
