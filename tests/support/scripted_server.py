"""A small tihua server in memory: its services but for CollectionService."""

# ruff: noqa: N802 - the names of methods are the contract's

from collections.abc import Iterator

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from scripted_collections import Collections
from scripted_memory import DIM, INVALID_ARGUMENT, MODEL, NOT_FOUND, Memory, block
from tihua.v1 import (
    collection_service_pb2_grpc,
    embedding_service_pb2,
    embedding_service_pb2_grpc,
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    search_service_pb2,
    search_service_pb2_grpc,
    system_service_pb2,
    system_service_pb2_grpc,
    types_pb2,
)


class System(system_service_pb2_grpc.SystemServiceServicer):
    """Describes the server."""

    def __init__(self, memory: Memory) -> None:
        """Share the memory."""
        self.memory = memory

    def GetServerInfo(
        self, request: system_service_pb2.GetServerInfoRequest, context: grpc.ServicerContext
    ) -> system_service_pb2.GetServerInfoResponse:
        """Return small limits, so that clients have to page, once there are no refusals left."""
        if self.memory.info_refusals:
            context.abort_with_status(rpc_status.to_status(self.memory.info_refusals.pop(0)))
        return system_service_pb2.GetServerInfoResponse(
            version="9.9.9",
            store="Memory 1",
            models=[
                system_service_pb2.ModelInfo(
                    ref=MODEL, dim=DIM, image_size_px=16, context_length=52, engine="hash",
                    device="cpu", precision="fp32",
                )
            ],
            limits=system_service_pb2.Limits(
                max_message_bytes=1 << 22, max_batch_items=self.memory.max_batch_items,
                max_image_bytes=1000,
                max_image_pixels=1 << 20, max_text_chars=100, max_queue_size=10, max_page_size=5,
                max_search_window=100, max_query_terms=4, max_id_bytes=40, max_uri_bytes=2000,
                max_metadata_bytes=1000,
            ),
        )  # fmt: skip


class Embedding(embedding_service_pb2_grpc.EmbeddingServiceServicer):
    """Embeds by hashing; the text 坏 fails, and texts are cut after 50 characters."""

    def EmbedText(
        self, request: embedding_service_pb2.EmbedTextRequest, context: grpc.ServicerContext
    ) -> embedding_service_pb2.EmbedTextResponse:
        """Hash texts."""
        errors = [
            types_pb2.ItemError(
                index=index, code=INVALID_ARGUMENT, reason="BAD", message="no good text"
            )
            for index, text in enumerate(request.texts)
            if text == "坏"
        ]
        truncated = [index for index, text in enumerate(request.texts) if len(text) > 50]
        embeddings = block(text.encode() for text in request.texts)
        return embedding_service_pb2.EmbedTextResponse(
            embeddings=embeddings, errors=errors, model=MODEL, truncated_texts=truncated
        )

    def EmbedImage(
        self, request: embedding_service_pb2.EmbedImageRequest, context: grpc.ServicerContext
    ) -> embedding_service_pb2.EmbedImageResponse:
        """Hash pictures."""
        embeddings = block(image.content for image in request.images)
        return embedding_service_pb2.EmbedImageResponse(embeddings=embeddings, model=MODEL)


class Ingest(ingest_service_pb2_grpc.IngestServiceServicer):
    """Stores batches as they arrive."""

    def __init__(self, memory: Memory) -> None:
        """Share the memory."""
        self.memory = memory

    def Ingest(
        self,
        request_iterator: Iterator[ingest_service_pb2.IngestRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[ingest_service_pb2.IngestResponse]:
        """Grant unlimited credit, and acknowledge each batch."""
        start = next(request_iterator).start
        credit = ingest_service_pb2.IngestCredit(batches=1000, bytes=1 << 30)
        started = ingest_service_pb2.IngestStarted(session_id=start.session_id, credit=credit)
        yield ingest_service_pb2.IngestResponse(started=started)
        ack = ingest_service_pb2.IngestAck()
        for request in request_iterator:
            if self.memory.breaks:
                self.memory.breaks -= 1
                context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            del ack.errors[:]
            for index, item in enumerate(request.batch.items):
                error = self.memory.put(item, index)
                if error is None:
                    ack.items_written += 1
                else:
                    ack.items_failed += 1
                    ack.errors.add(seq=request.batch.seq, error=error)
            ack.committed_seq = request.batch.seq
            yield ingest_service_pb2.IngestResponse(ack=ack)
            if self.memory.ends_streams:
                context.abort(grpc.StatusCode.ABORTED, "the session went on elsewhere")
        summary = ingest_service_pb2.IngestSummary(
            committed_seq=ack.committed_seq,
            items_written=ack.items_written,
            items_failed=ack.items_failed,
        )
        yield ingest_service_pb2.IngestResponse(summary=summary)


class Search(search_service_pb2_grpc.SearchServiceServicer):
    """Returns all items in the order of their ids, once no refusals are left; 坏 fails.

    Texts are cut after 50 characters.
    """

    def __init__(self, memory: Memory) -> None:
        """Share the memory."""
        self.memory = memory

    def _search(
        self, request: search_service_pb2.SearchRequest
    ) -> search_service_pb2.SearchManyResponse.Entry:
        self.memory.requests.append(request)
        if not self.memory.has_collection(request.collection):
            error = types_pb2.ItemError(
                code=NOT_FOUND,
                reason="NOT_FOUND",
                message=f"there is no collection {request.collection!r}",
                metadata={"collection": request.collection},
            )
            return search_service_pb2.SearchManyResponse.Entry(error=error)
        if self.memory.query_refusals:
            refusal = self.memory.query_refusals.pop(0)
            return search_service_pb2.SearchManyResponse.Entry(error=refusal)
        if request.terms[0].text == "坏":
            error = types_pb2.ItemError(
                code=INVALID_ARGUMENT, reason="BAD", message="no good \x1b]0;text"
            )
            return search_service_pb2.SearchManyResponse.Entry(error=error)
        found = [self.memory.items[item_id] for item_id in sorted(self.memory.items)]
        hits = [
            search_service_pb2.Hit(
                item=item,
                score=0.5 - 0.1 * rank,
                group_value=item.metadata.fields[request.group_by] if request.group_by else None,
            )
            for rank, item in enumerate(found[: request.limit])
        ]
        truncated = [place for place, term in enumerate(request.terms) if len(term.text) > 50]
        response = search_service_pb2.SearchResponse(
            hits=hits, model=MODEL, truncated_terms=truncated
        )
        return search_service_pb2.SearchManyResponse.Entry(response=response)

    def Search(
        self, request: search_service_pb2.SearchRequest, context: grpc.ServicerContext
    ) -> search_service_pb2.SearchResponse:
        """Answer one query."""
        entry = self._search(request)
        if entry.HasField("error"):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, entry.error.message)
        return entry.response

    def SearchMany(
        self, request: search_service_pb2.SearchManyRequest, context: grpc.ServicerContext
    ) -> search_service_pb2.SearchManyResponse:
        """Answer many, unless one of them is the text 断."""
        self.memory.reads.append("SearchMany")
        if any(one.terms[0].text == "断" for one in request.requests):
            context.abort(grpc.StatusCode.INTERNAL, "it broke")
        entries = [self._search(one) for one in request.requests]
        return search_service_pb2.SearchManyResponse(entries=entries)


def register(memory: Memory, server: grpc.Server) -> None:
    """Add the services, with a memory that they share, to a server."""
    system_service_pb2_grpc.add_SystemServiceServicer_to_server(System(memory), server)
    embedding_service_pb2_grpc.add_EmbeddingServiceServicer_to_server(Embedding(), server)
    collection_service_pb2_grpc.add_CollectionServiceServicer_to_server(Collections(memory), server)
    ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(Ingest(memory), server)
    search_service_pb2_grpc.add_SearchServiceServicer_to_server(Search(memory), server)
    for name in ("", "Embedding", "Collection", "Ingest", "Search", "System"):
        service = f"tihua.v1.{name}Service" if name else ""
        memory.health.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(memory.health, server)
