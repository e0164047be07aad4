"""Every method of both clients over a real channel: what is sent, and what comes of the answer."""

# ruff: noqa: N802 - the names of methods are the contract's

import asyncio
import inspect
import socket
from array import array
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import pytest
import tihua
from google.protobuf import struct_pb2, timestamp_pb2
from google.protobuf.message import Message
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
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

MODEL = types_pb2.ModelRef(id="fake", fingerprint="fa4efa4efa4efa4e")
TIMING = types_pb2.Timing(queue_us=1, total_us=9, batch_size=4)


def block(*rows: list[float]) -> types_pb2.VectorBlock:
    """Return embeddings of length 2."""
    data = b"".join(array("f", row).tobytes() for row in rows)
    return types_pb2.VectorBlock(data=data, dim=2, count=len(rows))


def failure(index: int) -> types_pb2.ItemError:
    """Return why one input failed."""
    return types_pb2.ItemError(index=index, code=3, reason="EMPTY_TEXT", message="text is empty")


class FakeServer:
    """Answers each method with what it is told, and remembers what it was asked."""

    def __init__(self, serve: Serve) -> None:
        """Start, with no answers."""
        self.answers: dict[str, list[Message | grpc.StatusCode]] = {}
        self.requests: list[Any] = []
        self.seconds_left: list[float] = []
        self.address = serve(self._register)

    def answer(self, method: str, *answers: Message | grpc.StatusCode) -> None:
        """Take the answers of a method's next calls; the last is repeated."""
        self.answers[method] = list(answers)

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
            self.seconds_left.append(context.time_remaining())
            answers = self.answers[method]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, grpc.StatusCode):
                await context.abort(answer, "told to")
            return answer

        return handle


@pytest.fixture
def server(serve: Serve) -> FakeServer:
    """A server that answers what it is told."""
    return FakeServer(serve)


@pytest.fixture(params=["blocking", "asyncio"])
def call(request: pytest.FixtureRequest, server: FakeServer) -> Call:
    """Call a method of each of the two clients; iterators are read to their end."""

    def blocking(method: str, *args: object, **kwargs: object) -> object:
        with tihua.Client(server.address, collection="mine", timeout=20.0) as client:
            result = getattr(client, method)(*args, **kwargs)
            return list(result) if method == "list_items" else result

    async def awaited(method: str, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        async with tihua.AsyncClient(server.address, collection="mine", timeout=20.0) as client:
            result = getattr(client, method)(*args, **kwargs)
            return [item async for item in result] if method == "list_items" else await result

    if request.param == "blocking":
        return blocking
    return lambda method, *args, **kwargs: asyncio.run(awaited(method, args, kwargs))


def test_the_clients_have_the_same_methods_and_arguments() -> None:
    """Whoever knows one knows the other."""

    def signatures(client: type) -> dict[str, list[tuple[str, object, object]]]:
        return {
            name: [
                (parameter.name, parameter.kind, parameter.default)
                for parameter in inspect.signature(method).parameters.values()
            ]
            for name, method in inspect.getmembers(client, inspect.isfunction)
            if not name.startswith("_") or name == "__init__"
        }

    assert signatures(tihua.Client) == signatures(tihua.AsyncClient)


def test_every_method_has_a_docstring() -> None:
    """The help of Python is the reference."""
    for client in (tihua.Client, tihua.AsyncClient):
        for name, method in inspect.getmembers(client, inspect.isfunction):
            assert inspect.getdoc(method), name


def test_search_returns_hits_best_first(server: FakeServer, call: Call) -> None:
    """With what the answer says of model, time and the next page."""
    found = types_pb2.Item(id="a", uri="file:///a.jpg", embedding=block([0.6, 0.8]))
    found.metadata.update({"year": 2024})
    response = search_service_pb2.SearchResponse(
        hits=[
            search_service_pb2.Hit(
                item=found, score=0.5, group_value=struct_pb2.Value(number_value=2024)
            ),
            search_service_pb2.Hit(item=types_pb2.Item(id="b"), score=0.25),
        ],
        next_page_token="next",
        model=MODEL,
        timing=TIMING,
    )
    server.answer("Search", response)
    result = call("search", text="夕阳西下", limit=2)
    assert [hit.id for hit in result] == ["a", "b"]
    assert result[0] == tihua.Hit(
        "a", 0.5, "file:///a.jpg", {"year": 2024}, array("f", [0.6, 0.8]), 2024
    )
    assert (result[1].embedding, result[1].group) == (None, None)
    assert len(result) == len(result[:]) == 2
    assert result.next_page_token == "next"
    assert result.model == tihua.ModelRef("fake", "fa4efa4efa4efa4e")
    assert (result.timing.queue_us, result.timing.total_us, result.timing.batch_size) == (1, 9, 4)
    assert (server.requests[0].collection, server.requests[0].limit) == ("mine", 2)
    assert server.requests[0].terms[0].text == "夕阳西下"


def test_search_by_a_picture_sends_the_file(server: FakeServer, call: Call, tmp_path: Path) -> None:
    """The server opens no paths."""
    path = tmp_path / "query.jpg"
    path.write_bytes(b"jpeg")
    server.answer("Search", search_service_pb2.SearchResponse())
    call("search", image=path, collection="other")
    assert server.requests[0].terms[0].image.content == b"jpeg"
    assert server.requests[0].collection == "other"


def test_search_many_returns_an_error_among_the_results(server: FakeServer, call: Call) -> None:
    """One query that fails does not disturb the others."""
    entry = search_service_pb2.SearchManyResponse.Entry
    server.answer(
        "SearchMany",
        search_service_pb2.SearchManyResponse(
            entries=[entry(response=search_service_pb2.SearchResponse()), entry(error=failure(1))]
        ),
    )
    first, second = call(
        "search_many", [tihua.Query(text="一"), tihua.Query(text="", collection="other")]
    )
    assert len(first) == 0
    assert isinstance(second, tihua.InvalidRequestError)
    assert second.reason == "EMPTY_TEXT"
    assert [request.collection for request in server.requests[0].requests] == ["mine", "other"]


def test_embedding_texts_leaves_out_those_that_failed(server: FakeServer, call: Call) -> None:
    """None stands where the row of a failed text would be."""
    response = embedding_service_pb2.EmbedTextResponse(
        embeddings=block([0.6, 0.8], [0.0, 0.0]), errors=[failure(1)], model=MODEL, timing=TIMING
    )
    server.answer("EmbedText", response)
    result = call("embed_texts", ["一", ""], truncate=False, priority="bulk")
    assert result.embeddings == (array("f", [0.6, 0.8]), None)
    assert [(error.index, error.reason) for error in result.errors] == [(1, "EMPTY_TEXT")]
    request = server.requests[0]
    assert (list(request.texts), request.truncate, request.options.priority) == (
        ["一", ""],
        False,
        2,
    )


def test_embedding_pictures_sends_bytes_and_files(
    server: FakeServer, call: Call, tmp_path: Path
) -> None:
    """In the order they were given."""
    (tmp_path / "b.jpg").write_bytes(b"second")
    response = embedding_service_pb2.EmbedImageResponse(embeddings=block([1.0, 0.0], [0.0, 1.0]))
    server.answer("EmbedImage", response)
    result = call("embed_images", [b"first", tmp_path / "b.jpg"])
    assert result.embeddings == (array("f", [1.0, 0.0]), array("f", [0.0, 1.0]))
    assert [image.content for image in server.requests[0].images] == [b"first", b"second"]


def test_embedding_one_input_returns_its_embedding(server: FakeServer, call: Call) -> None:
    """Without a list around it."""
    server.answer(
        "EmbedText", embedding_service_pb2.EmbedTextResponse(embeddings=block([0.6, 0.8]))
    )
    server.answer(
        "EmbedImage", embedding_service_pb2.EmbedImageResponse(embeddings=block([0.8, 0.6]))
    )
    assert call("embed_text", "一") == array("f", [0.6, 0.8])
    assert call("embed_image", b"jpeg") == array("f", [0.8, 0.6])


def test_embedding_one_input_raises_its_error(server: FakeServer, call: Call) -> None:
    """There is nobody else to report it to."""
    response = embedding_service_pb2.EmbedTextResponse(
        embeddings=block([0.0, 0.0]), errors=[failure(0)]
    )
    server.answer("EmbedText", response)
    with pytest.raises(tihua.InvalidRequestError, match="text is empty"):
        call("embed_text", "")


def test_a_collection_is_returned_as_it_stands(server: FakeServer, call: Call) -> None:
    """Create and get alike."""
    created = timestamp_pb2.Timestamp()
    created.FromDatetime(datetime(2026, 11, 23, tzinfo=UTC))
    collection = collection_service_pb2.Collection(
        name="mine",
        description="mountains",
        model=MODEL,
        dim=512,
        index=collection_service_pb2.Index(
            type=collection_service_pb2.INDEX_TYPE_IVF_FLAT, params={"nlist": 512}
        ),
        shards=2,
        item_count=7,
        load_state=collection_service_pb2.LOAD_STATE_LOADED,
        create_time=created,
    )
    server.answer(
        "CreateCollection", collection_service_pb2.CreateCollectionResponse(collection=collection)
    )
    server.answer(
        "GetCollection", collection_service_pb2.GetCollectionResponse(collection=collection)
    )
    made = call(
        "create_collection",
        index="IVF_FLAT",
        index_params={"nlist": 512},
        shards=2,
        description="mountains",
    )
    assert made == call("get_collection")
    assert made == tihua.Collection(
        name="mine",
        description="mountains",
        model=tihua.ModelRef("fake", "fa4efa4efa4efa4e"),
        dim=512,
        index="IVF_FLAT",
        index_params={"nlist": 512},
        shards=2,
        item_count=7,
        load_state="loaded",
        create_time=datetime(2026, 11, 23, tzinfo=UTC),
    )
    request = server.requests[0]
    assert (request.name, request.shards, dict(request.index.params)) == ("mine", 2, {"nlist": 512})
    assert request.index.type == collection_service_pb2.INDEX_TYPE_IVF_FLAT


def test_all_pages_of_the_collections_are_listed(server: FakeServer, call: Call) -> None:
    """The caller sees no pages."""
    pages = [
        collection_service_pb2.ListCollectionsResponse(
            collections=[collection_service_pb2.Collection(name=name)], next_page_token=token
        )
        for name, token in (("a", "1"), ("b", "2"), ("c", ""))
    ]
    server.answer("ListCollections", *pages)
    assert [collection.name for collection in call("list_collections")] == ["a", "b", "c"]
    assert [request.page_token for request in server.requests] == ["", "1", "2"]


@pytest.mark.parametrize("verb", ["Delete", "Load", "Release"])
def test_a_collection_is_deleted_loaded_and_released_by_name(
    server: FakeServer, call: Call, verb: str
) -> None:
    """Each says nothing when it is done."""
    server.answer(
        f"{verb}Collection", getattr(collection_service_pb2, f"{verb}CollectionResponse")()
    )
    assert call(f"{verb.lower()}_collection", "other") is None
    assert server.requests[0].name == "other"


def test_an_index_is_built_as_asked_or_as_it_is(server: FakeServer, call: Call) -> None:
    """Nothing said of the index means the one that the collection has."""
    collection = collection_service_pb2.Collection(
        name="mine", index=collection_service_pb2.Index(type=collection_service_pb2.INDEX_TYPE_HNSW)
    )
    answer = collection_service_pb2.BuildIndexResponse(collection=collection)
    server.answer("BuildIndex", answer, answer)
    assert call("build_index").index == "HNSW"
    call("build_index", "other", index="HNSW", index_params={"M": 32})
    first, second = server.requests
    assert (first.name, first.HasField("index")) == ("mine", False)
    assert (second.name, second.index.type) == ("other", collection_service_pb2.INDEX_TYPE_HNSW)
    assert dict(second.index.params) == {"M": 32}
    with pytest.raises(tihua.InvalidRequestError, match="say which index"):
        call("build_index", index_params={"M": 32})


def test_deleting_a_collection_takes_no_default() -> None:
    """Nobody loses a collection by leaving out a name."""
    with tihua.Client("localhost:1") as client, pytest.raises(TypeError):
        client.delete_collection()  # type: ignore[call-arg]


def test_upsert_tells_what_became_of_the_items(server: FakeServer, call: Call) -> None:
    """Those that failed by index, the others written."""
    response = collection_service_pb2.UpsertItemsResponse(
        items_written=1, errors=[failure(1)], model=MODEL, timing=TIMING
    )
    server.answer("UpsertItems", response)
    result = call("upsert", [tihua.Item("a", text="一", uri="u"), tihua.Item("b", text="")])
    assert result.written == 1
    assert [error.index for error in result.errors] == [1]
    assert [item.id for item in server.requests[0].items] == ["a", "b"]


def test_items_are_got_by_id(server: FakeServer, call: Call) -> None:
    """With the fields that were asked for."""
    response = collection_service_pb2.GetItemsResponse(
        items=[types_pb2.Item(id="a", embedding=block([0.6, 0.8]))], missing_ids=["b"]
    )
    server.answer("GetItems", response)
    (item,) = call("get_items", ["a", "b"], fields=["embedding"])
    assert (item.id, item.embedding) == ("a", array("f", [0.6, 0.8]))
    assert list(server.requests[0].ids) == ["a", "b"]
    assert list(server.requests[0].read_mask.paths) == ["embedding"]


def test_all_pages_of_the_items_are_listed(server: FakeServer, call: Call) -> None:
    """With the same filter, and bound parameters, on each."""
    pages = [
        collection_service_pb2.ListItemsResponse(
            items=[types_pb2.Item(id=name)], next_page_token=token
        )
        for name, token in (("a", "1"), ("b", ""))
    ]
    server.answer("ListItems", *pages)
    found = call("list_items", filter="year >= {since}", params={"since": 1999}, page_size=1)
    assert [item.id for item in found] == ["a", "b"]
    assert [request.page_token for request in server.requests] == ["", "1"]
    assert {request.filter for request in server.requests} == {"year >= {since}"}
    assert all(request.filter_params["since"] == 1999 for request in server.requests)


def test_the_next_page_is_fetched_when_it_is_reached(server: FakeServer) -> None:
    """A million items are not read by looking at the first."""
    page = collection_service_pb2.ListItemsResponse(
        items=[types_pb2.Item(id="a")], next_page_token="more"
    )
    server.answer("ListItems", page)
    with tihua.Client(server.address) as client:
        items = client.list_items()
        assert server.requests == []
        next(items)
        assert len(server.requests) == 1
        next(items)
        assert len(server.requests) == 2


def test_items_are_counted_and_deleted(server: FakeServer, call: Call) -> None:
    """By ids, or by filter."""
    server.answer("CountItems", collection_service_pb2.CountItemsResponse(count=7))
    server.answer("DeleteItems", collection_service_pb2.DeleteItemsResponse(deleted_count=3))
    assert call("count_items", filter="year > 2000") == 7
    assert call("delete_items", ["a", "b"]) == 3
    assert call("delete_items", filter="year > 2000") == 3
    assert [request.filter for request in server.requests] == ["year > 2000", "", "year > 2000"]
    assert list(server.requests[1].ids) == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "neither ids nor filter"),
        ({"ids": ["a"], "filter": "year > 2000"}, "both ids and filter"),
    ],
)
def test_nothing_is_deleted_by_accident(
    server: FakeServer, call: Call, arguments: dict[str, object], sentence: str
) -> None:
    """Neither by leaving all out, nor by giving both."""
    with pytest.raises(tihua.InvalidRequestError, match=sentence):
        call("delete_items", **arguments)
    assert server.requests == []


def test_server_info_tells_limits_and_models(server: FakeServer, call: Call) -> None:
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


def test_health_tells_of_each_service(serve: Serve, server: FakeServer, call: Call) -> None:
    """By the standard health service; "" is the server as a whole."""
    server.address = serve(
        lambda target: health_pb2_grpc.add_HealthServicer_to_server(FakeHealth(), target)
    )
    states = call("health")
    assert states[""] == "SERVING"
    assert states["tihua.v1.SearchService"] == "NOT_SERVING"
    assert states["tihua.v1.IngestService"] == "SERVICE_UNKNOWN"
    assert len(states) == 6


def test_a_call_has_the_clients_deadline_or_its_own(server: FakeServer, call: Call) -> None:
    """There is always one, and the server knows it."""
    server.answer("CountItems", collection_service_pb2.CountItemsResponse())
    call("count_items")
    call("count_items", timeout=5.0)
    own, given = server.seconds_left
    assert 10.0 < own < 21.0  # gRPC rounds a deadline up on its way
    assert 0.0 < given < 6.0


def test_an_answer_that_is_late_is_a_deadline_error(serve: Serve) -> None:
    """The sentence names the limit."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with tihua.Client(address) as client, pytest.raises(TimeoutError, match=r"within 0\.2 s"):
            client.count_items(timeout=0.2)


def test_a_call_that_is_safe_to_repeat_is_repeated(server: FakeServer, call: Call) -> None:
    """A server that is just starting is not the caller's trouble."""
    unavailable = grpc.StatusCode.UNAVAILABLE
    server.answer("Search", unavailable, unavailable, search_service_pb2.SearchResponse())
    assert len(call("search", text="夕阳")) == 0
    assert len(server.requests) == 3


def test_a_call_is_not_repeated_for_ever(server: FakeServer, call: Call) -> None:
    """Four attempts, then the error."""
    server.answer("CountItems", grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(tihua.UnavailableError):
        call("count_items")
    assert len(server.requests) == 4


@pytest.mark.parametrize("method", ["CreateCollection", "DeleteCollection"])
def test_a_call_that_is_not_safe_to_repeat_is_not(
    server: FakeServer, call: Call, method: str
) -> None:
    """Its second attempt would fail though the first succeeded."""
    server.answer(method, grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(tihua.UnavailableError):
        call(method.replace("Collection", "_collection").lower(), "mine")
    assert len(server.requests) == 1


def test_a_refused_call_is_not_repeated(server: FakeServer, call: Call) -> None:
    """Only UNAVAILABLE may pass by itself."""
    server.answer("CountItems", grpc.StatusCode.NOT_FOUND)
    with pytest.raises(tihua.NotFoundError):
        call("count_items")
    assert len(server.requests) == 1


@pytest.mark.parametrize("address", ["", "localhost", "http://localhost:50051", "a:b:1", ":50051"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """Else a host of that name would be looked for, and not found."""
    for client in (tihua.Client, tihua.AsyncClient):
        with pytest.raises(tihua.InvalidRequestError, match="it must be host:port"):
            client(address)


@pytest.mark.parametrize("address", ["[::1]:50051", "10.0.0.1:1", "unix:/run/t.sock", "dns:///a:1"])
def test_grpcs_own_targets_are_addresses(address: str) -> None:
    """Whatever it can resolve."""
    tihua.Client(address).close()


def test_a_proxy_is_not_asked_for_this_machine(
    server: FakeServer, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even 127.0.0.1 would be sent through it."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    server.answer("CountItems", collection_service_pb2.CountItemsResponse(count=1))
    assert call("count_items") == 1


def test_a_closed_client_says_so(server: FakeServer) -> None:
    """And may be closed again."""
    client = tihua.Client(server.address)
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        client.count_items()


async def test_a_closed_asyncio_client_says_so(server: FakeServer) -> None:
    """Whether or not it was ever used."""
    client = tihua.AsyncClient(server.address)
    await client.close()
    await client.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        await client.count_items()


def test_an_asyncio_client_may_be_made_outside_of_a_loop(server: FakeServer) -> None:
    """Its channel belongs to the loop of its first call."""
    server.answer("CountItems", collection_service_pb2.CountItemsResponse(count=7))
    client = tihua.AsyncClient(server.address)

    async def count() -> int:
        async with client:
            return await client.count_items()

    assert asyncio.run(count()) == 7
