"""What health says while a model hangs or fails, over a real health service."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from fake_encoder import FakeEncoder
from in_memory_store import InMemoryStore
from second_encoder import SecondEncoder
from structlog.testing import capture_logs
from tihua_server.config import Config
from tihua_server.embedder import Embedder
from tihua_server.errors import ModelError, StoreUnavailable
from tihua_server.lane import Lane
from tihua_server.model_watch import FAILURES, ModelWatch, Troubles
from tihua_server.observer import Kind
from tihua_server.served_models import ServedModels
from tihua_server.types import Content, FloatArray, PixelArray, RgbImage, Text, TokenArray, Tokens
from watched_health import NOT_SERVING, SERVICES, SERVING, watched

SIZE = FakeEncoder.info.image_size
INPUTS: dict[Kind, Content] = {
    Kind.TEXT: Text("马"),
    Kind.IMAGE: RgbImage(bytes(SIZE * SIZE * 3), SIZE, SIZE),
}


class TroubledEncoder(FakeEncoder):
    """A model that may fail, or hang.

    Attributes:
        fails: whether it fails at a batch.
        may_go_on: it hangs at every other batch until this is set.
        has_begun: set when a batch has begun that does not fail.
        has_computed: set when it has computed something.
    """

    def __init__(self) -> None:
        """Be well."""
        super().__init__()
        self.fails: Callable[[Kind, Sequence[Any]], bool] = lambda kind, batch: False
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()
        self.has_computed = threading.Event()

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Compute, if it is well."""
        self._begin(Kind.TEXT, texts)
        return super().encode_texts(texts)

    def encode_images(self, images: Sequence[PixelArray]) -> FloatArray:
        """Compute, if it is well."""
        self._begin(Kind.IMAGE, images)
        return super().encode_images(images)

    def _begin(self, kind: Kind, batch: Sequence[Any]) -> None:
        if self.fails(kind, batch):
            raise ModelError("it is out of memory")
        self.has_begun.set()
        assert self.may_go_on.wait(60)
        self.has_computed.set()


class HangingStore(InMemoryStore):
    """A store that never says how it is.

    Attributes:
        is_asked: set when it was asked.
    """

    def __init__(self) -> None:
        """Be asked nothing yet."""
        super().__init__()
        self.is_asked = asyncio.Event()

    async def ping(self) -> None:
        """Wait for ever."""
        self.is_asked.set()
        await asyncio.Event().wait()


class Untokenizing(TroubledEncoder):
    """A model with a bug: it makes no tokens of a text that no test brings."""

    def tokenize(self, text: str) -> Tokens:
        """Make tokens of tests' texts alone."""
        if "马" not in text:
            raise AttributeError("no such tokens")
        return super().tokenize(text)


@pytest.fixture
def model() -> Iterator[TroubledEncoder]:
    """A model that is well."""
    made = TroubledEncoder()
    yield made
    made.may_go_on.set()


async def fail(embedder: Embedder, content: Content) -> None:
    """Have the model fail at three batches."""
    for _ in range(3):
        with pytest.raises(ModelError):
            await embedder.embed([content])


def said_of_models(logs: Sequence[Any]) -> list[tuple[str, str, str | None]]:
    """Return what the log says of models, of which kind, and why."""
    return [(line["event"], line["kind"], line.get("why")) for line in logs if "kind" in line]


async def test_nothing_is_served_while_a_batch_hangs(model: TroubledEncoder) -> None:
    """Until it ends; the log has a line for each."""
    with capture_logs() as logs:
        async with watched(InMemoryStore(), model, hung_s=0.1) as health:
            watches = [health.watch(service) for service in SERVICES]
            assert {(await watch.read()).status for watch in watches} == {SERVING}
            model.may_go_on.clear()
            call = asyncio.create_task(health.models.named("").embed([Text("马")]))
            assert {(await watch.read()).status for watch in watches} == {NOT_SERVING}
            model.may_go_on.set()
            assert {(await watch.read()).status for watch in watches} == {SERVING}
            await call
    assert said_of_models(logs) == [
        ("model in trouble", "text", "a batch has been running for more than 0.1 s"),
        ("model is well again", "text", None),
    ]


@pytest.mark.parametrize("kind", Kind)
async def test_nothing_is_served_while_a_model_fails_at_every_batch(
    model: TroubledEncoder, kind: Kind
) -> None:
    """Until it computes a sample, for nobody calls a server that is NOT_SERVING."""
    with capture_logs() as logs:
        async with watched(InMemoryStore(), model) as health:
            watches = [health.watch(service) for service in SERVICES]
            assert {(await watch.read()).status for watch in watches} == {SERVING}
            model.fails = lambda of, batch: of is kind
            await fail(health.models.named(""), INPUTS[kind])
            assert {(await watch.read()).status for watch in watches} == {NOT_SERVING}
            model.fails = lambda of, batch: False
            assert {(await watch.read()).status for watch in watches} == {SERVING}
    assert said_of_models(logs) == [
        ("model in trouble", kind.value, "it fails at every batch; the log has the details"),
        ("model is well again", kind.value, None),
    ]


async def test_what_one_caller_asks_for_stops_no_server(model: TroubledEncoder) -> None:
    """A model that fails at long texts alone computes the sample."""
    model.fails = lambda kind, batch: max(map(len, batch)) > 10
    with capture_logs() as logs:
        async with watched(InMemoryStore(), model) as health:
            await fail(health.models.named(""), Text("马" * 20))
            assert await asyncio.to_thread(model.has_computed.wait, 60)
            await health.readiness.end()
    assert not said_of_models(logs)


async def test_what_callers_at_once_ask_for_stops_no_server(model: TroubledEncoder) -> None:
    """The sample gets into no batch of theirs."""
    models = ServedModels([model], Config(max_batch_size=8))
    await models.warm_up()  # or batches would not grow
    embedder, watch = models.named(""), ModelWatch(models)
    model.fails = lambda kind, batch: len(batch) > 1
    looks: list[Troubles] = []

    async def ask() -> None:
        while len(looks) < 20:
            with contextlib.suppress(ModelError):
                await embedder.embed([INPUTS[Kind.IMAGE]] * 4)

    async with asyncio.timeout(60), asyncio.TaskGroup() as callers:
        for _ in range(16):
            callers.create_task(ask())
        while len(looks) < 20:
            await asyncio.sleep(0)
            if embedder.queues.images.running.failed_in_a_row >= FAILURES:
                looks.append(await watch.look())
    assert not any(looks)
    await models.close()


async def test_a_full_lane_is_no_trouble(model: TroubledEncoder) -> None:
    """Callers are refused then; the sample waits for those who were not."""
    models = ServedModels([model], Config(max_queue_size=1))
    embedder, watch = models.named(""), ModelWatch(models)
    model.fails = lambda kind, batch: True
    await fail(embedder, INPUTS[Kind.IMAGE])
    model.fails = lambda kind, batch: False
    model.may_go_on.clear()
    call = asyncio.create_task(embedder.embed([INPUTS[Kind.IMAGE]]))
    look = asyncio.create_task(watch.look())
    while not (look.done() or embedder.queues.images.queue_size(Lane.INTERACTIVE)):
        await asyncio.sleep(0)
    model.may_go_on.set()
    assert not await look
    await call
    await models.close()


async def test_a_bug_of_a_sample_is_logged() -> None:
    """Whether the model computes is then told by what callers ask for."""
    model = Untokenizing()
    models = ServedModels([model], Config())
    embedder, watch = models.named(""), ModelWatch(models)
    model.fails = lambda kind, batch: True
    await fail(embedder, Text("马"))
    with capture_logs() as logs:
        assert set(await watch.look()) == {("fake", Kind.TEXT)}
        model.fails = lambda kind, batch: False
        await embedder.embed([Text("马")])
        assert not await watch.look()
    assert [str(line["exc_info"]) for line in logs if line["event"] == "bug"] == ["no such tokens"]
    await models.close()


async def test_health_survives_a_bug_of_the_watch(
    model: TroubledEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log says why, what was said last holds, and health goes on following the models."""
    look = ModelWatch.look

    async def fail_to_look(watch: ModelWatch) -> Troubles:
        monkeypatch.setattr(ModelWatch, "look", look)
        raise ZeroDivisionError

    async with watched(InMemoryStore(), model) as health:
        watch = health.watch("")
        assert (await watch.read()).status == SERVING
        model.fails = lambda kind, batch: True
        await fail(health.models.named(""), Text("马"))
        assert (await watch.read()).status == NOT_SERVING
        with capture_logs() as logs:
            monkeypatch.setattr(ModelWatch, "look", fail_to_look)
            while not any(line["event"] == "bug" for line in logs):
                await asyncio.sleep(0)
            assert set((await health.states()).values()) == {NOT_SERVING}
            model.fails = lambda kind, batch: False
            assert (await watch.read()).status == SERVING


async def test_a_store_that_is_slow_to_answer_delays_no_news_of_the_models(
    model: TroubledEncoder,
) -> None:
    """The two are looked at apart."""
    store = HangingStore()
    async with watched(store, model) as health:
        watch = health.watch("")
        assert (await watch.read()).status == SERVING
        await store.is_asked.wait()
        model.fails = lambda kind, batch: True
        await fail(health.models.named(""), Text("马"))
        assert (await watch.read()).status == NOT_SERVING


async def test_a_pause_of_the_process_is_no_hung_batch(model: TroubledEncoder) -> None:
    """A batch that was under way has as long as any other when the process goes on.

    One that hung before still does.
    """
    models = ServedModels([model], Config())
    watch = ModelWatch(models, hung_s=0.2)
    model.may_go_on.clear()
    call = asyncio.create_task(models.named("").embed([Text("马")]))
    await asyncio.to_thread(model.has_begun.wait, 60)
    time.sleep(0.3)  # noqa: ASYNC251  # the pause itself
    assert not await watch.look()
    while not await watch.look():
        await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251
    assert await watch.look()
    model.may_go_on.set()
    await call
    await models.close()


async def test_a_sample_that_takes_too_long_proves_nothing(model: TroubledEncoder) -> None:
    """Health does not wait for it, and counts it when it has been computed."""
    failures = iter([True] * 3)
    model.fails = lambda kind, batch: next(failures, False)
    model.may_go_on.clear()
    async with watched(InMemoryStore(), model, sample_s=0.01) as health:
        watch = health.watch("")
        assert (await watch.read()).status == SERVING
        await fail(health.models.named(""), Text("马"))
        assert (await watch.read()).status == NOT_SERVING
        model.may_go_on.set()
        assert (await watch.read()).status == SERVING


async def test_one_model_in_trouble_is_enough(model: TroubledEncoder) -> None:
    """Another replica has all of them."""
    async with watched(InMemoryStore(), SecondEncoder(), model) as health:
        watch = health.watch("")
        assert (await watch.read()).status == SERVING
        model.fails = lambda kind, batch: True
        await fail(health.models.named("fake"), Text("马"))
        assert (await watch.read()).status == NOT_SERVING


async def test_a_model_that_is_well_again_revives_no_store(model: TroubledEncoder) -> None:
    """What needs the store is NOT_SERVING for as long as that is away."""
    store = InMemoryStore()
    async with watched(store, model) as health:
        store.error = StoreUnavailable("it does not answer")
        search, embedding = health.watch("Search"), health.watch("Embedding")
        while (await search.read()).status == SERVING:
            pass
        assert (await embedding.read()).status == SERVING
        model.fails = lambda kind, batch: True
        await fail(health.models.named(""), Text("马"))
        assert (await embedding.read()).status == NOT_SERVING
        model.fails = lambda kind, batch: False
        assert (await embedding.read()).status == SERVING
        assert (await health.states())["Search"] == NOT_SERVING
