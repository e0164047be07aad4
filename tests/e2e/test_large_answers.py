"""Answers of a running server that would not fit into one message."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import tihua
from fake_encoder import FakeEncoder
from google.protobuf import field_mask_pb2
from in_process import serving
from tihua.v1 import collection_service_pb2 as pb
from tihua.v1 import collection_service_pb2_grpc as rpc
from tihua_server.app import App
from tihua_server.config import Config, Limits

LIMITS = Limits(max_message_bytes=100_000, max_metadata_bytes=8_000)
IDS = [f"{number:02}" for number in range(40)]
METADATA = {"numbers": [0.5] * 700, "empty": {"list": [], "none": None}, "is_large": True}
"""4 kB as JSON, and 8 kB in a message."""


@pytest.fixture
async def app(encoder: FakeEncoder, tmp_path: Path) -> AsyncIterator[App]:
    """A server with a small message limit."""
    async with serving(encoder, Config(port=0, data_dir=tmp_path, limits=LIMITS)) as running:
        yield running


@pytest.fixture
async def client(app: App) -> AsyncIterator[tihua.AsyncClient]:
    """A client, with 40 items in a collection: more than fit into three messages."""
    async with tihua.AsyncClient(app.address, collection="c") as opened:
        await opened.create_collection()
        for start in range(0, len(IDS), 8):
            items = [tihua.Item(key, text="马", metadata=METADATA) for key in IDS[start:][:8]]
            await opened.upsert(items)
        yield opened


async def test_a_page_of_items_is_as_long_as_a_message_allows(
    app: App, client: tihua.AsyncClient
) -> None:
    """The page token says that there is more; every item is listed once."""
    items = [item async for item in client.list_items(page_size=1_000)]
    assert [item.id for item in items] == IDS
    assert all(item.metadata == METADATA for item in items)
    async with grpc.aio.insecure_channel(app.address) as channel:
        stub = rpc.CollectionServiceStub(channel)
        page = await stub.ListItems(pb.ListItemsRequest(collection="c", limit=30))
        assert 5 < len(page.items) < 30
        assert page.ByteSize() <= LIMITS.max_message_bytes
        assert page.next_page_token
        bare = field_mask_pb2.FieldMask(paths=["id"])
        page = await stub.ListItems(pb.ListItemsRequest(collection="c", limit=50, read_mask=bare))
        assert (len(page.items), page.next_page_token) == (40, "")


async def test_items_that_do_not_fit_are_to_be_asked_for_in_parts(
    client: tihua.AsyncClient,
) -> None:
    """Reading by id and searching both fail; the error says how many fit."""
    for call in (client.get_items(IDS), client.search(text="马", limit=40)):
        with pytest.raises(tihua.InvalidRequestError, match="ask for fewer") as refused:
            await call
        assert refused.value.reason == "ANSWER_TOO_LARGE"
        assert int(refused.value.metadata["items_with_room"]) > 0
    assert len(await client.get_items(IDS, fields=[])) == 40
    assert len(await client.search(text="马", limit=8)) == 8


async def test_queries_that_do_not_fit_beside_the_others_are_told(
    client: tihua.AsyncClient,
) -> None:
    """The others are answered."""
    results = await client.search_many([tihua.Query(text="马", limit=8)] * 3)
    [refused, again] = [each for each in results if isinstance(each, tihua.TihuaError)]
    assert refused.reason == again.reason == "ANSWER_TOO_LARGE"
    [answer] = [each for each in results if not isinstance(each, tihua.TihuaError)]
    assert len(answer) == 8
