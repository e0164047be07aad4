"""What one caller asks for at once leaves room for another; by every way in which it may ask."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import tihua
from fake_encoder import FakeEncoder
from tihua_server.app import App
from tihua_server.batch_cost import BatchCost
from tihua_server.config import Config
from tihua_server.lane import Lane
from tihua_server.milvus import Milvus
from tihua_server.observer import Kind
from tihua_server.served_models import ServedModels
from tihua_server.types import FloatArray, TokenArray

LARGE = ["一", "二", "三", "四", "五"]
SINGLE = "马"


class HeldTexts(FakeEncoder):
    """A model whose texts wait, once it is told so, and which remembers them."""

    def __init__(self) -> None:
        """Let them pass."""
        super().__init__()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()
        self.texts: list[str] = []

    def hold(self) -> None:
        """Have texts wait from now on, and forget those before."""
        self.texts.clear()
        self.has_begun.clear()
        self.may_go_on.clear()

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Hash the tokens, later."""
        self.has_begun.set()
        assert self.may_go_on.wait(10)
        self.texts += ["".join(map(chr, tokens[1:-1])) for tokens in texts]
        return super().encode_texts(texts)


@pytest.fixture
def encoder() -> HeldTexts:
    """The model."""
    return HeldTexts()


@pytest.fixture
async def models(encoder: HeldTexts, tmp_path: Path) -> ServedModels:
    """It, a text at a time."""
    return ServedModels([encoder], Config(port=0, data_dir=tmp_path, max_batch_size=1))


@pytest.fixture
async def client(models: ServedModels, tmp_path: Path) -> AsyncIterator[tihua.AsyncClient]:
    """A client of a server that has a collection."""
    config = Config(port=0, data_dir=tmp_path, max_batch_size=1)
    app = App(models, await Milvus.open(tmp_path), config)
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


@pytest.mark.parametrize("ask", [_embed, _search, _upsert])
async def test_a_query_passes_what_another_asked_for_at_once(
    ask: Callable[[tihua.AsyncClient], Awaitable[object]],
    client: tihua.AsyncClient,
    models: ServedModels,
    encoder: HeldTexts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits for the text that is being computed."""
    monkeypatch.setattr(BatchCost, "of_input", lambda _, size: 60.0 * size)
    encoder.hold()
    embedder = models.named("")

    async def waiting(count: int) -> None:
        async with asyncio.timeout(10):
            while embedder.queue_size(Kind.TEXT, Lane.INTERACTIVE) < count:
                await asyncio.sleep(0)

    large = asyncio.ensure_future(ask(client))
    assert await asyncio.to_thread(encoder.has_begun.wait, 10)
    await waiting(len(LARGE) - 1)
    single = asyncio.ensure_future(client.embed_text(SINGLE))
    await waiting(len(LARGE))
    encoder.may_go_on.set()
    await asyncio.gather(large, single)
    assert encoder.texts == [LARGE[0], SINGLE, *LARGE[1:]]
