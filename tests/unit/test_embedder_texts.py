"""The bounds on texts, with a fake model: what is refused, what waits, who goes first."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import pytest
from fake_encoder import FakeEncoder
from tihua_server.batching.flow import Flow
from tihua_server.batching.lane import Lane
from tihua_server.config import Config
from tihua_server.embedder import Embedder
from tihua_server.errors import Overloaded, ServiceError
from tihua_server.preprocessor import PIECE_CHARS
from tihua_server.served_models import ServedModels
from tihua_server.types import FloatArray, TokenArray, Tokens


class HeldEncoder(FakeEncoder):
    """A model that tokenizes and computes when it may, and remembers what it was to tokenize."""

    def __init__(self) -> None:
        """Compute, and tokenize nothing yet."""
        super().__init__()
        self.tokenized: list[str] = []
        self.may_tokenize = threading.Event()
        self.may_encode = threading.Event()
        self.may_encode.set()
        self.has_begun = threading.Event()

    def tokenize(self, text: str) -> Tokens:
        """Note the first letter, and wait."""
        self.tokenized.append(text[0])
        assert self.may_tokenize.wait(60)
        return super().tokenize(text)

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Wait, then encode."""
        self.has_begun.set()
        assert self.may_encode.wait(60)
        return super().encode_texts(texts)


@pytest.fixture
def model() -> Iterator[HeldEncoder]:
    """A model that tokenizes nothing yet."""
    made = HeldEncoder()
    yield made
    made.may_tokenize.set()
    made.may_encode.set()


@pytest.fixture
async def embedder(model: HeldEncoder) -> AsyncIterator[Embedder]:
    """An embedder of one thread that tokenizes, with room for 4 texts and 20 kB of them."""
    config = Config(preprocess_threads=1, max_queue_size=4, max_queue_bytes=20_000)
    models = ServedModels([model], config)
    yield models.named("")
    model.may_tokenize.set()
    await models.close()


def long(letter: str) -> str:
    """Return a text that a thread tokenizes, and no other with it."""
    return letter * PIECE_CHARS


async def until(is_so: Callable[[], bool]) -> None:
    """Return when it is so."""
    while not is_so():
        await asyncio.sleep(0)


async def begun(embedder: Embedder, model: HeldEncoder, *texts: str) -> "asyncio.Task[object]":
    """Return a bulk call whose first text is being tokenized; the others wait."""
    task = asyncio.create_task(embedder.embed_texts(texts, lane=Lane.BULK))
    await until(lambda: texts[0][0] in model.tokenized)
    return task


async def test_texts_beyond_the_queue_are_refused_before_they_are_tokenized(
    embedder: Embedder, model: HeldEncoder
) -> None:
    """The error says how many there are; when there is room again, the same call succeeds."""
    first = await begun(embedder, model, long("a"), "b", "c")
    with pytest.raises(Overloaded, match="the bulk lane holds 3 of at most 4 texts") as refused:
        await embedder.embed_texts(["d", "e"], lane=Lane.BULK)
    assert refused.value.retry_after_s == 1
    assert model.tokenized == ["a"]
    model.may_tokenize.set()
    await first
    assert len((await embedder.embed_texts(["d", "e"], lane=Lane.BULK)).rows) == 2


async def test_texts_beyond_the_bytes_that_may_wait_are_refused(
    embedder: Embedder, model: HeldEncoder
) -> None:
    """A few long ones take as much memory as many short ones."""
    first = await begun(embedder, model, "马" * 8_000)
    with pytest.raises(Overloaded, match=r"holds 16\d\d\d of at most 20000 bytes of texts"):
        await embedder.embed_texts(["桥" * 8_000], lane=Lane.BULK)
    assert model.tokenized == ["马"]
    model.may_tokenize.set()
    await first


async def test_a_text_larger_than_the_bytes_that_may_wait_passes_alone(
    embedder: Embedder, model: HeldEncoder
) -> None:
    """A bound on many is no limit on one: it is refused for its length, if at all."""
    model.may_tokenize.set()
    [row] = (await embedder.embed_texts(["a" * 30_000])).rows
    assert isinstance(row, ServiceError)
    assert row.reason == "TEXT_TOO_LONG"


async def test_each_lane_has_room_of_its_own(embedder: Embedder, model: HeldEncoder) -> None:
    """Bulk that fills its lane takes nothing from those who wait for an answer."""
    bulk = await begun(embedder, model, long("a"), "b", "c", "d")
    queries = asyncio.create_task(embedder.embed_texts([long("x")]))
    model.may_tokenize.set()
    assert len((await queries).rows) == 1
    await bulk


async def test_texts_are_counted_until_they_are_computed(
    embedder: Embedder, model: HeldEncoder
) -> None:
    """What the model works on takes memory too."""
    model.may_tokenize.set()
    model.may_encode.clear()
    first = asyncio.create_task(embedder.embed_texts(["a", "b", "c"]))
    assert await asyncio.to_thread(model.has_begun.wait, 60)
    with pytest.raises(Overloaded, match="holds 3 of at most 4 texts"):
        await embedder.embed_texts(["d", "e"])
    model.may_encode.set()
    await first
    assert len((await embedder.embed_texts(["d", "e"])).rows) == 2


@pytest.mark.parametrize(("calls", "texts", "flow"), [(2, 20, None), (40, 1, Flow(40))])
async def test_a_query_is_let_in_beside_large_calls(
    calls: int, texts: int, flow: Flow | None, model: HeldEncoder
) -> None:
    """However many there are, each with all its texts at once or one by one, as SearchMany."""
    models = ServedModels([model], Config(max_queue_size=40))
    embedder = models.named("")
    model.may_tokenize.set()
    model.may_encode.clear()
    large = [
        asyncio.create_task(embedder.embed_texts(["a"] * texts, flow=flow)) for _ in range(calls)
    ]
    assert await asyncio.to_thread(model.has_begun.wait, 60)
    query = asyncio.create_task(embedder.embed_texts(["x", "y"]))
    await until(lambda: query.done() or "y" in model.tokenized)
    model.may_encode.set()
    assert len((await query).rows) == 2
    answers = await asyncio.gather(*large, return_exceptions=True)
    assert any(isinstance(answer, Overloaded) for answer in answers)
    await models.close()


async def test_a_stream_waits_for_room_and_loses_nothing(
    embedder: Embedder, model: HeldEncoder
) -> None:
    """Its batches come in as others leave."""
    first = await begun(embedder, model, long("a"), "b", "c")
    batches = [
        asyncio.create_task(embedder.embed_texts([letter, letter], lane=Lane.BULK, wait=True))
        for letter in "defgh"
    ]
    model.may_tokenize.set()
    rows = [row for batch in await asyncio.gather(*batches) for row in batch.rows]
    assert not any(isinstance(row, ServiceError) for row in rows)
    assert len(rows) == 10
    await first


async def test_texts_that_nobody_waits_for_leave_before_they_are_tokenized(
    embedder: Embedder, model: HeldEncoder
) -> None:
    """Whoever hangs up gives back the room; the text in the thread is the only one touched."""
    first = await begun(embedder, model, long("a"), long("b"))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert embedder.preprocess_queue_size(Lane.BULK) == 0
    model.may_tokenize.set()
    assert len((await embedder.embed_texts(["c", "d", "e", "f"], lane=Lane.BULK)).rows) == 4
    assert model.tokenized == ["a", "c", "d", "e", "f"]


async def test_interactive_texts_are_tokenized_between_those_of_a_bulk_call(
    embedder: Embedder, model: HeldEncoder
) -> None:
    """They wait for one piece of it, and not for its end."""
    bulk = await begun(embedder, model, long("a"), long("b"), long("c"))
    query = asyncio.create_task(embedder.embed_texts([long("x")]))
    await until(lambda: embedder.preprocess_queue_size(Lane.INTERACTIVE) == 1)
    model.may_tokenize.set()
    await asyncio.gather(bulk, query)
    assert model.tokenized == ["a", "x", "b", "c"]
