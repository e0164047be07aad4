"""A small tihua server in memory, spoken to over a real channel, and a runner of command lines."""

# ruff: noqa: N802 - the names of methods are the contract's

import hashlib
import math
import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from pathlib import Path
from typing import TypeAlias

import grpc
import pytest
from click.testing import CliRunner, Result
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tihua.cli import root
from tihua.v1 import (
    collection_service_pb2 as collections,
)
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

Tihua: TypeAlias = Callable[..., Result]

DIM = 8
MODEL = types_pb2.ModelRef(id="fake", fingerprint="fa4efa4efa4efa4e")
INVALID_ARGUMENT = 3


class Memory:
    """What the fake server remembers."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.collections: dict[str, collections.Collection] = {}
        self.items: dict[str, types_pb2.Item] = {}
        self.pictures: dict[str, types_pb2.ImageSource] = {}
        self.calls: list[str] = []
        self.requests: list[search_service_pb2.SearchRequest] = []
        self.ends_streams = False
        self.breaks = 0

    def put(self, item: types_pb2.Item, index: int) -> types_pb2.ItemError | None:
        """Store an item, or return why not: a picture whose content starts with "broken"."""
        self.calls.append(f"put {item.id}")
        self.pictures[item.id] = item.image
        if item.image.content.startswith(b"broken"):
            return types_pb2.ItemError(
                index=index,
                id=item.id,
                code=INVALID_ARGUMENT,
                reason="UNREADABLE_IMAGE",
                message="the picture\ncan't be \x1b[31mdecoded",
            )
        content = item.image.content or item.image.rgb.data or item.text.encode()
        kept = types_pb2.Item(id=item.id, uri=item.uri, metadata=item.metadata)
        kept.embedding.CopyFrom(block([content]))
        self.items[item.id] = kept
        return None


def vector(content: bytes) -> list[float]:
    """Hash bytes into a unit vector."""
    numbers = [byte - 127.5 for byte in hashlib.blake2b(content, digest_size=DIM).digest()]
    norm = math.hypot(*numbers)
    return [number / norm for number in numbers]


def block(contents: Iterable[bytes]) -> types_pb2.VectorBlock:
    """Return one embedding for each content."""
    rows = [struct.pack(f"<{DIM}f", *vector(content)) for content in contents]
    return types_pb2.VectorBlock(data=b"".join(rows), dim=DIM, count=len(rows))


class System(system_service_pb2_grpc.SystemServiceServicer):
    """Says what it is."""

    def GetServerInfo(
        self, request: system_service_pb2.GetServerInfoRequest, context: grpc.ServicerContext
    ) -> system_service_pb2.GetServerInfoResponse:
        """Return small limits, so that paging shows."""
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
                max_message_bytes=1 << 22, max_batch_items=4, max_image_bytes=1000,
                max_image_pixels=1 << 20, max_text_chars=100, max_queue_size=10, max_page_size=5,
                max_search_window=100, max_query_terms=4, max_id_bytes=40, max_uri_bytes=2000,
                max_metadata_bytes=1000,
            ),
        )  # fmt: skip


class Embedding(embedding_service_pb2_grpc.EmbeddingServiceServicer):
    """Embeds by hashing; the text 坏 fails."""

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
        embeddings = block(text.encode() for text in request.texts)
        return embedding_service_pb2.EmbedTextResponse(
            embeddings=embeddings, errors=errors, model=MODEL
        )

    def EmbedImage(
        self, request: embedding_service_pb2.EmbedImageRequest, context: grpc.ServicerContext
    ) -> embedding_service_pb2.EmbedImageResponse:
        """Hash pictures."""
        embeddings = block(image.content for image in request.images)
        return embedding_service_pb2.EmbedImageResponse(embeddings=embeddings, model=MODEL)


class Collections(collection_service_pb2_grpc.CollectionServiceServicer):
    """Keeps items in a dict, the same for all collections."""

    def __init__(self, memory: Memory) -> None:
        """Share the memory."""
        self.memory = memory

    def _collection(self, name: str, context: grpc.ServicerContext) -> collections.Collection:
        for each in self.memory.collections.values():
            if name in each.aliases:
                name = each.name
        if name not in self.memory.collections:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no collection {name!r}")
        collection = self.memory.collections[name]
        collection.item_count = len(self.memory.items)
        return collection

    def CreateCollection(
        self, request: collections.CreateCollectionRequest, context: grpc.ServicerContext
    ) -> collections.CreateCollectionResponse:
        """Remember a collection."""
        if request.name in self.memory.collections:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{request.name!r} is taken")
        collection = collections.Collection(
            name=request.name, description=request.description, model=MODEL, dim=DIM,
            index=request.index, shards=request.shards, load_state=collections.LOAD_STATE_LOADED,
        )  # fmt: skip
        self.memory.collections[request.name] = collection
        return collections.CreateCollectionResponse(collection=collection)

    def GetCollection(
        self, request: collections.GetCollectionRequest, context: grpc.ServicerContext
    ) -> collections.GetCollectionResponse:
        """Return one."""
        return collections.GetCollectionResponse(collection=self._collection(request.name, context))

    def ListCollections(
        self, request: collections.ListCollectionsRequest, context: grpc.ServicerContext
    ) -> collections.ListCollectionsResponse:
        """Return all."""
        names = sorted(self.memory.collections)
        return collections.ListCollectionsResponse(
            collections=[self._collection(name, context) for name in names]
        )

    def DeleteCollection(
        self, request: collections.DeleteCollectionRequest, context: grpc.ServicerContext
    ) -> collections.DeleteCollectionResponse:
        """Forget one."""
        self._collection(request.name, context)
        del self.memory.collections[request.name]
        return collections.DeleteCollectionResponse()

    def RenameCollection(
        self, request: collections.RenameCollectionRequest, context: grpc.ServicerContext
    ) -> collections.RenameCollectionResponse:
        """Move one to another name."""
        self._collection(request.name, context).name = request.new_name
        self.memory.collections[request.new_name] = self.memory.collections.pop(request.name)
        return collections.RenameCollectionResponse()

    def SetAlias(
        self, request: collections.SetAliasRequest, context: grpc.ServicerContext
    ) -> collections.SetAliasResponse:
        """Take an alias away from the one that has it, and give it to another."""
        target = self._collection(request.collection, context)
        response = collections.SetAliasResponse()
        for collection in self.memory.collections.values():
            if request.alias in collection.aliases:
                collection.aliases.remove(request.alias)
                response.previous_collection = collection.name
        target.aliases.append(request.alias)
        return response

    def DeleteAlias(
        self, request: collections.DeleteAliasRequest, context: grpc.ServicerContext
    ) -> collections.DeleteAliasResponse:
        """Take an alias away."""
        self._collection(request.alias, context).aliases.remove(request.alias)
        return collections.DeleteAliasResponse()

    def LoadCollection(
        self, request: collections.LoadCollectionRequest, context: grpc.ServicerContext
    ) -> collections.LoadCollectionResponse:
        """Mark one loaded."""
        self._collection(request.name, context).load_state = collections.LOAD_STATE_LOADED
        return collections.LoadCollectionResponse()

    def BuildIndex(
        self, request: collections.BuildIndexRequest, context: grpc.ServicerContext
    ) -> collections.BuildIndexResponse:
        """Replace an index, if it is said by which."""
        collection = self._collection(request.name, context)
        if request.HasField("index"):
            collection.index.CopyFrom(request.index)
        return collections.BuildIndexResponse(collection=collection)

    def ReleaseCollection(
        self, request: collections.ReleaseCollectionRequest, context: grpc.ServicerContext
    ) -> collections.ReleaseCollectionResponse:
        """Mark one released."""
        self._collection(request.name, context).load_state = collections.LOAD_STATE_RELEASED
        return collections.ReleaseCollectionResponse()

    def UpsertItems(
        self, request: collections.UpsertItemsRequest, context: grpc.ServicerContext
    ) -> collections.UpsertItemsResponse:
        """Store items."""
        self._collection(request.collection, context)
        results = [self.memory.put(item, index) for index, item in enumerate(request.items)]
        errors = [result for result in results if result is not None]
        return collections.UpsertItemsResponse(
            items_written=len(results) - len(errors), errors=errors, model=MODEL
        )

    def GetItems(
        self, request: collections.GetItemsRequest, context: grpc.ServicerContext
    ) -> collections.GetItemsResponse:
        """Return items by id."""
        self._collection(request.collection, context)
        known = self.memory.items
        return collections.GetItemsResponse(
            items=[known[item_id] for item_id in request.ids if item_id in known],
            missing_ids=[item_id for item_id in request.ids if item_id not in known],
        )

    def ListItems(
        self, request: collections.ListItemsRequest, context: grpc.ServicerContext
    ) -> collections.ListItemsResponse:
        """Return items, two a page."""
        ids = [item_id for item_id in sorted(self.memory.items) if item_id > request.page_token]
        page = [self.memory.items[item_id] for item_id in ids[:2]]
        token = page[-1].id if len(ids) > len(page) else ""
        return collections.ListItemsResponse(items=page, next_page_token=token)

    def CountItems(
        self, request: collections.CountItemsRequest, context: grpc.ServicerContext
    ) -> collections.CountItemsResponse:
        """Count all, whatever the filter."""
        return collections.CountItemsResponse(count=len(self.memory.items))

    def DeleteItems(
        self, request: collections.DeleteItemsRequest, context: grpc.ServicerContext
    ) -> collections.DeleteItemsResponse:
        """Remove by id; a filter removes all."""
        ids = list(request.ids) or list(self.memory.items)
        deleted = [self.memory.items.pop(item_id, None) for item_id in ids]
        count = sum(item is not None for item in deleted)
        return collections.DeleteItemsResponse(deleted_count=count)


class Ingest(ingest_service_pb2_grpc.IngestServiceServicer):
    """Stores batches as they come."""

    def __init__(self, memory: Memory) -> None:
        """Share the memory."""
        self.memory = memory

    def Ingest(
        self,
        request_iterator: Iterator[ingest_service_pb2.IngestRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[ingest_service_pb2.IngestResponse]:
        """Grant credit for ever, and acknowledge each batch."""
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
    """Returns all items in the order of their ids; the query 坏 fails."""

    def __init__(self, memory: Memory) -> None:
        """Share the memory."""
        self.memory = memory

    def _search(
        self, request: search_service_pb2.SearchRequest
    ) -> search_service_pb2.SearchManyResponse.Entry:
        self.memory.requests.append(request)
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
        response = search_service_pb2.SearchResponse(hits=hits, model=MODEL)
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
        """Answer many."""
        entries = [self._search(one) for one in request.requests]
        return search_service_pb2.SearchManyResponse(entries=entries)


@pytest.fixture
def memory() -> Memory:
    """What the server remembers; empty."""
    return Memory()


@pytest.fixture
def address(memory: Memory) -> Iterator[str]:
    """Where a fake server with that memory listens."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    system_service_pb2_grpc.add_SystemServiceServicer_to_server(System(), server)
    embedding_service_pb2_grpc.add_EmbeddingServiceServicer_to_server(Embedding(), server)
    collection_service_pb2_grpc.add_CollectionServiceServicer_to_server(Collections(memory), server)
    ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(Ingest(memory), server)
    search_service_pb2_grpc.add_SearchServiceServicer_to_server(Search(memory), server)
    servicer = health.HealthServicer()
    for name in ("", "Embedding", "Collection", "Ingest", "Search", "System"):
        service = f"tihua.v1.{name}Service" if name else ""
        servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def tihua(address: str) -> Tihua:
    """Runs a command line against the fake server: `tihua("search", "猫")`."""

    def run(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
        line = ["--address", address, *map(str, arguments)]
        return CliRunner().invoke(root, line, input=stdin, prog_name="tihua")

    return run


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of what the fake server takes for three good pictures and a broken one."""
    folder = tmp_path / "pictures"
    (folder / "cats").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(b"picture a")
    (folder / "b.PNG").write_bytes(b"broken b")
    (folder / "cats" / "猫 咪.webp").write_bytes(b"picture cat")
    (folder / "cats" / "tom.tiff").write_bytes(b"picture tom")
    (folder / "notes.txt").write_bytes(b"no picture")
    return folder
