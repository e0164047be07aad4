"""Which failures mean that a model is in trouble, and which do not."""

import asyncio
import contextlib
import time

from structlog.testing import capture_logs
from tihua_server.batching.lane import Lane
from tihua_server.config import Config
from tihua_server.errors import ModelError
from tihua_server.model_watch import FAILURES, ModelWatch, Troubles
from tihua_server.served_models import ServedModels
from tihua_server.types import Kind, Text, Tokens
from troubled_encoder import INPUTS, TroubledEncoder, fail


class Untokenizing(TroubledEncoder):
    """A model with a bug: it tokenizes nothing but the tests' own texts."""

    def tokenize(self, text: str) -> Tokens:
        """Tokenize only the tests' texts."""
        if "马" not in text:
            raise AttributeError("no such tokens")
        return super().tokenize(text)


async def test_what_callers_at_once_ask_for_stops_no_server(model: TroubledEncoder) -> None:
    """The sample is in none of their batches."""
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
            if embedder.queues.pictures.running.failed_in_a_row >= FAILURES:
                looks.append(await watch.look())
    assert not any(looks)
    await models.close()


async def test_a_full_lane_is_no_trouble(model: TroubledEncoder) -> None:
    """New callers are refused then; the sample waits behind those who were admitted."""
    models = ServedModels([model], Config(max_queue_size=1))
    embedder, watch = models.named(""), ModelWatch(models)
    model.fails = lambda kind, batch: True
    await fail(embedder, INPUTS[Kind.IMAGE])
    model.fails = lambda kind, batch: False
    model.may_go_on.clear()
    call = asyncio.create_task(embedder.embed([INPUTS[Kind.IMAGE]]))
    look = asyncio.create_task(watch.look())
    while not (look.done() or embedder.queues.pictures.queue_size(Lane.INTERACTIVE)):
        await asyncio.sleep(0)
    model.may_go_on.set()
    assert not await look
    await call
    await models.close()


async def test_a_bug_of_a_sample_is_logged() -> None:
    """It is logged once; after that, callers' batches show whether the model works."""
    model = Untokenizing()
    models = ServedModels([model], Config())
    embedder, watch = models.named(""), ModelWatch(models)
    model.fails = lambda kind, batch: True
    await fail(embedder, Text("马"))
    with capture_logs() as logs:
        for _ in range(3):
            assert set(await watch.look()) == {("fake", Kind.TEXT)}
        model.fails = lambda kind, batch: False
        await embedder.embed([Text("马")])
        assert not await watch.look()
    assert [str(line["exc_info"]) for line in logs if line["event"] == "bug"] == ["no such tokens"]
    await models.close()


async def test_a_pause_of_the_process_is_no_hung_batch(model: TroubledEncoder) -> None:
    """A running batch gets its full time again when the process resumes.

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
