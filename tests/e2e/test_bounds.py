"""The bounds on calls, connections and clients of a running server."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import tihua
from fake_encoder import FakeEncoder
from in_process import serving
from tihua_server.config import Config, Limits

LIMITS = Limits(max_message_bytes=100_000, max_header_bytes=4_000, max_streams_per_client=1)
INFO = "/tihua.v1.SystemService/GetServerInfo"
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


@pytest.fixture
async def address(encoder: FakeEncoder, tmp_path: Path) -> AsyncIterator[str]:
    """A server with small bounds and without tokens."""
    config = Config(port=0, data_dir=tmp_path, limits=LIMITS, drain_timeout_s=5)
    async with serving(encoder, config) as app:
        yield app.address


async def test_every_bound_is_told(address: str) -> None:
    """A client can ask for the bounds instead of running into them."""
    async with tihua.AsyncClient(address) as client:
        told = dataclasses.asdict((await client.server_info()).limits)
    del told["max_queue_size"]
    assert told == dataclasses.asdict(LIMITS)


async def test_a_call_of_more_than_the_queue_takes_is_answered_when_it_is_alone(
    encoder: FakeEncoder, tmp_path: Path
) -> None:
    """A short queue refuses callers early, but large calls stay possible."""
    config = Config(port=0, data_dir=tmp_path, max_queue_size=8, drain_timeout_s=5)
    texts = [f"马{number}" for number in range(config.limits.max_batch_items)]
    squares = [tihua.RgbImage(bytes(16 * 16 * 3), 16, 16) for _ in texts]
    async with serving(encoder, config) as app, tihua.AsyncClient(app.address) as client:
        for result in (await client.embed_texts(texts), await client.embed_images(squares)):
            assert len(result.embeddings) == len(texts)
        await client.create_collection("texts")
        items = [tihua.Item(text, text=text) for text in texts]
        assert (await client.upsert(items, collection="texts")).written == len(items)
        assert (await client.ingest(items, collection="texts")).written == len(items)


async def test_a_message_over_the_limit_is_refused(address: str) -> None:
    """The connection stays usable for the next call."""
    async with tihua.AsyncClient(address) as client:
        with pytest.raises(tihua.InvalidRequestError, match="100000") as refused:
            await client.embed_image(bytes(LIMITS.max_message_bytes))
        assert refused.value.code == "RESOURCE_EXHAUSTED"
        assert await client.embed_text("马")


async def test_metadata_over_the_limit_is_refused(address: str) -> None:
    """The connection stays usable for the next call."""
    async with grpc.aio.insecure_channel(address) as channel:
        info: Any = channel.unary_unary(INFO)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await info(b"", metadata=[("x-long", "x" * LIMITS.max_header_bytes)])
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await info(b"")


async def test_an_address_is_a_client_where_there_are_no_tokens(address: str) -> None:
    """All connections and ports of one machine count together."""
    started, may_end = asyncio.Event(), asyncio.Event()

    async def held() -> AsyncIterator[tihua.Item]:
        yield tihua.Item("a", text="马")
        started.set()
        await may_end.wait()

    async with (
        tihua.AsyncClient(address, collection="c") as first,
        tihua.AsyncClient(address, collection="c") as second,
    ):
        await first.create_collection()
        stream = asyncio.create_task(first.ingest(held(), batch_size=1))
        await started.wait()
        item = tihua.Item("b", text="桥")
        with pytest.raises(tihua.OverloadedError, match=r"127\.0\.0\.1 has 1 streams open"):
            await second.ingest([item], reconnect_timeout=0)
        may_end.set()
        assert (await stream).written == 1


async def test_a_call_too_many_waits_in_the_client(encoder: FakeEncoder, tmp_path: Path) -> None:
    """It is not refused, and it is answered as soon as another one ends."""
    config = Config(port=0, data_dir=tmp_path, limits=Limits(max_calls_per_connection=1))
    async with (
        serving(encoder, config) as app,
        grpc.aio.insecure_channel(app.address) as channel,
        grpc.aio.insecure_channel(app.address, OWN_CONNECTION) as other_channel,
    ):
        other: Any = other_channel.unary_unary(INFO)
        watch: Any = channel.unary_stream("/grpc.health.v1.Health/Watch")
        info: Any = channel.unary_unary(INFO)
        watching = watch(b"")
        await watching.read()
        asking = asyncio.ensure_future(info(b""))
        for _ in range(20):  # time enough for an answer
            await other(b"")
        assert not asking.done()
        watching.cancel()
        assert await asking


async def test_a_message_that_does_not_parse_is_the_callers_fault(address: str) -> None:
    """In calls and streams; gRPC alone would answer UNKNOWN, as if the server had failed."""
    async with grpc.aio.insecure_channel(address) as channel:
        search: Any = channel.unary_unary("/tihua.v1.SearchService/Search")
        stream: Any = channel.stream_stream("/tihua.v1.IngestService/Ingest")
        ingest = stream()
        await ingest.write(b"\xff")
        for answer in (search(b"\xff\xff"), ingest.read()):
            with pytest.raises(grpc.aio.AioRpcError, match="does not parse") as refused:
                await answer
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
