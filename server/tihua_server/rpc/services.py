"""The services of a server: their names, and how they are added to it."""

from dataclasses import dataclass
from typing import cast

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tihua.v1 import (
    collection_service_pb2,
    collection_service_pb2_grpc,
    embedding_service_pb2,
    embedding_service_pb2_grpc,
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    search_service_pb2,
    search_service_pb2_grpc,
    system_service_pb2,
    system_service_pb2_grpc,
)

from tihua_server.rpc.collection_service import CollectionService
from tihua_server.rpc.embedding_service import EmbeddingService
from tihua_server.rpc.health_service import HealthService
from tihua_server.rpc.ingest_service import IngestService
from tihua_server.rpc.methods import Methods
from tihua_server.rpc.search_service import SearchService
from tihua_server.rpc.system_service import SystemService

SERVICES = tuple(
    file.DESCRIPTOR.services_by_name[name].full_name
    for file, name in (
        (embedding_service_pb2, "EmbeddingService"),
        (ingest_service_pb2, "IngestService"),
        (search_service_pb2, "SearchService"),
        (collection_service_pb2, "CollectionService"),
        (system_service_pb2, "SystemService"),
    )
)
"""Full names of our services, as health and reflection know them."""

STORELESS_SERVICES = frozenset({"tihua.v1.EmbeddingService", "tihua.v1.SystemService"})
"""Those that answer without the store."""


@dataclass(frozen=True, slots=True)
class Servicers:
    """What answers the methods of each service."""

    embedding: EmbeddingService
    ingest: IngestService
    search: SearchService
    collection: CollectionService
    system: SystemService
    health: HealthService

    def add_to(self, methods: Methods) -> None:
        """Add every service, and reflection over all of them."""
        # Generated code is typed to add methods to a server.
        server = cast("grpc.aio.Server", methods)
        embedding_service_pb2_grpc.add_EmbeddingServiceServicer_to_server(self.embedding, server)
        ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(self.ingest, server)
        search_service_pb2_grpc.add_SearchServiceServicer_to_server(self.search, server)
        collection_service_pb2_grpc.add_CollectionServiceServicer_to_server(self.collection, server)
        system_service_pb2_grpc.add_SystemServiceServicer_to_server(self.system, server)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, server)
        names = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
