"""A server with two models: each collection has one, and requests use the right one."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import grpc
import pytest
import tihua
from fake_encoder import FakeEncoder
from in_process import serving
from second_encoder import SecondEncoder
from tihua.v1 import (
    collection_service_pb2,
    collection_service_pb2_grpc,
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    search_service_pb2,
    search_service_pb2_grpc,
    types_pb2,
)
from tihua_server.app import App
from tihua_server.config import Config


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    """A server with two fake models."""
    config = Config(port=0, data_dir=tmp_path, drain_timeout_s=5)
    async with serving(FakeEncoder(), config, SecondEncoder()) as running:
        yield running


@pytest.fixture
async def client(app: App) -> AsyncIterator[tihua.AsyncClient]:
    """A client of it, with a collection of each model."""
    async with tihua.AsyncClient(app.address) as opened:
        await opened.create_collection("one")
        await opened.create_collection("two", model="second")
        yield opened


async def test_the_server_tells_of_all_its_models(client: tihua.AsyncClient) -> None:
    """The first one is the default."""
    models = (await client.server_info()).models
    assert [(model.ref.id, model.dim) for model in models] == [("fake", 32), ("second", 48)]


async def test_a_collection_is_bound_to_the_model_that_is_named(client: tihua.AsyncClient) -> None:
    """Without a name, it is bound to the first."""
    one, two = await client.list_collections()
    assert (one.model.id, one.dim) == ("fake", 32)
    assert (two.model.id, two.dim) == ("second", 48)


@pytest.mark.parametrize("name", ["one", "two"])
async def test_each_collection_is_written_and_searched_by_its_own_model(
    client: tihua.AsyncClient, name: str, pictures: Sequence[Path]
) -> None:
    """This holds for upsert, ingest and search; the answers name the model."""
    collection = await client.get_collection(name)
    result = await client.upsert([tihua.Item("马", text="马")], collection=name)
    await client.ingest([tihua.Item("a", image=pictures[0])], collection=name)
    assert result.model == collection.model
    for query in ({"text": "马"}, {"image": pictures[0]}):
        hits = await client.search(**query, collection=name)
        assert hits[0].score == pytest.approx(1, abs=1e-5)
        assert hits.model == collection.model


async def test_queries_of_one_call_may_be_of_different_models(client: tihua.AsyncClient) -> None:
    """Each is embedded for its collection."""
    for name in ("one", "two"):
        await client.upsert([tihua.Item("马", text="马")], collection=name)
    queries = [tihua.Query(text="马", collection=name) for name in ("one", "two")]
    results = await client.search_many(queries)
    ids = [result.model.id for result in results if isinstance(result, tihua.SearchResult)]
    assert ids == ["fake", "second"]


async def test_embedding_takes_the_model_that_is_named(client: tihua.AsyncClient) -> None:
    """This holds for texts and pictures; the first model is the default."""
    square = tihua.RgbImage(bytes(24 * 24 * 3), 24, 24)
    assert len(await client.embed_text("马")) == 32
    assert len(await client.embed_text("马", model="second")) == 48
    assert len(await client.embed_image(square, model="second")) == 48


async def test_a_model_that_is_not_served_is_not_found(client: tihua.AsyncClient) -> None:
    """The error names the models that are served."""
    for call in (
        client.embed_text("马", model="third"),
        client.create_collection("three", model="third"),
    ):
        with pytest.raises(tihua.NotFoundError, match="this server has fake, second"):
            await call


async def test_a_request_that_names_another_model_than_the_collections_is_refused(
    app: App, client: tihua.AsyncClient
) -> None:
    """Search, upsert and ingest: scores between two models would mean nothing."""
    text = types_pb2.Item(id="a", text="马")
    start = ingest_service_pb2.IngestStart(collection="two", session_id="s", model="fake")
    async with grpc.aio.insecure_channel(app.address) as channel:
        searching = search_service_pb2_grpc.SearchServiceStub(channel)
        collections = collection_service_pb2_grpc.CollectionServiceStub(channel)
        ingesting = ingest_service_pb2_grpc.IngestServiceStub(channel)
        stream = ingesting.Ingest(iter([ingest_service_pb2.IngestRequest(start=start)]))
        for call in (
            searching.Search(
                search_service_pb2.SearchRequest(
                    collection="two", terms=[search_service_pb2.QueryTerm(text="马")], model="fake"
                )
            ),
            collections.UpsertItems(
                collection_service_pb2.UpsertItemsRequest(
                    collection="two", items=[text], model="fake"
                )
            ),
            stream.read(),
        ):
            with pytest.raises(grpc.aio.AioRpcError, match="leave the model out") as refused:
                await call
            assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
