"""A large call leaves room for other callers, in every method."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import tihua
from fake_encoder import FakeEncoder
from held_encoder import HeldEncoder
from tihua_server.app import App
from tihua_server.batching.cost import BatchCost
from tihua_server.batching.lane import Lane
from tihua_server.config import Config
from tihua_server.milvus.store import Milvus
from tihua_server.rpc.entrance import Entrance
from tihua_server.served_models import ServedModels
from tihua_server.telemetry.telemetry import Telemetry
from tihua_server.types import FloatArray, TokenArray

LARGE = ["一", "二", "三", "四", "五"]
SINGLE = "马"


class HeldTexts(HeldEncoder):
    """A model whose texts wait for `may_go_on`, and which records them."""

    def __init__(self) -> None:
        """Let texts pass until `hold` is called."""
        super().__init__(FakeEncoder())
        self.texts: list[str] = []

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Wait until `may_go_on` is set, then hash the tokens."""
        embeddings = super().encode_texts(texts)
        self.texts += ["".join(map(chr, tokens[1:-1])) for tokens in texts]
        return embeddings


@pytest.fixture
def encoder() -> HeldTexts:
    """The model."""
    return HeldTexts()


@pytest.fixture
async def models(encoder: HeldTexts, tmp_path: Path) -> ServedModels:
    """The model, with batches of 1 and room for 40 texts, 35 of them for large calls."""
    config = Config(port=0, data_dir=tmp_path, max_batch_size=1, max_queue_size=40)
    return ServedModels([encoder], config)


@pytest.fixture
async def client(models: ServedModels, tmp_path: Path) -> AsyncIterator[tihua.AsyncClient]:
    """A client of a server with a collection."""
    config = Config(port=0, data_dir=tmp_path, max_batch_size=1)
    store = await Milvus.open(tmp_path)
    app = App(models, store, config, Telemetry(config), Entrance(config))
    await app.start()
    async with tihua.AsyncClient(app.address, collection="c") as opened:
        await opened.create_collection("c")
        await opened.upsert([tihua.Item("马", text="马")])
        yield opened
    await app.stop()


async def _embed(client: tihua.AsyncClient) -> object:
    return await client.embed_texts(LARGE)


async def _search(client: tihua.AsyncClient) -> object:
    return await client.search_many([tihua.Query(text=text) for text in LARGE])


async def _upsert(client: tihua.AsyncClient) -> object:
    return await client.upsert([tihua.Item(text, text=text) for text in LARGE])


async def _waiting(models: ServedModels, count: int) -> None:
    """Wait until `count` texts are queued for the model."""
    texts = models.named("").queues.texts
    async with asyncio.timeout(10):
        while texts.queue_size(Lane.INTERACTIVE) < count:
            await asyncio.sleep(0)


@pytest.mark.parametrize("ask", [_embed, _search, _upsert])
async def test_a_query_passes_what_another_asked_for_at_once(
    ask: Callable[[tihua.AsyncClient], Awaitable[object]],
    client: tihua.AsyncClient,
    models: ServedModels,
    encoder: HeldTexts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits for the text that is being computed, and for the one that is due."""
    monkeypatch.setattr(BatchCost, "of_input", lambda _, size: 60.0 * size)
    busy = await encoder.hold(client)
    encoder.texts.clear()
    large = asyncio.ensure_future(ask(client))
    await _waiting(models, len(LARGE))
    single = asyncio.ensure_future(client.embed_text(SINGLE))
    await _waiting(models, len(LARGE) + 1)
    encoder.may_go_on.set()
    await asyncio.gather(busy, large, single)
    assert encoder.texts[1:] == [LARGE[0], SINGLE, *LARGE[1:]]


async def test_a_search_of_many_is_large_by_its_queries(
    client: tihua.AsyncClient,
    models: ServedModels,
    encoder: HeldTexts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One query, as `tihua search` sends it, is admitted when large calls have used their share."""
    monkeypatch.setattr("tihua._call_retries.MAX_ATTEMPTS", 1)  # or it would wait for seconds
    busy = await encoder.hold(client)
    large = asyncio.ensure_future(client.embed_texts([SINGLE] * 35))
    await _waiting(models, 35)
    refused = await client.search_many([tihua.Query(text=SINGLE)] * 17)
    assert {getattr(result, "reason", "") for result in refused} == {"OVERLOADED"}
    query = asyncio.ensure_future(client.search_many([tihua.Query(text=SINGLE)]))
    await _waiting(models, 36)
    encoder.may_go_on.set()
    await asyncio.gather(busy, large)
    [result] = await query
    assert isinstance(result, tihua.SearchResult)
    assert [hit.id for hit in result] == ["马"]
