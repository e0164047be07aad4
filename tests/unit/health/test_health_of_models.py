"""What health says while a model hangs or fails, over a real health service."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from in_memory_store import InMemoryStore
from second_encoder import SecondEncoder
from structlog.testing import capture_logs
from tihua_server.errors import StoreUnavailable
from tihua_server.model_watch import ModelWatch, Troubles
from tihua_server.types import Kind, Text
from troubled_encoder import INPUTS, TroubledEncoder, fail
from watched_health import NOT_SERVING, SERVICES, SERVING, watched


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


async def test_health_survives_a_bug_of_the_watch(
    model: TroubledEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log says why once, what was said last holds, and health goes on following the models."""
    look, failed_looks = ModelWatch.look, 0

    async def fail_to_look(watch: ModelWatch) -> Troubles:
        nonlocal failed_looks
        failed_looks += 1
        raise ZeroDivisionError

    async with watched(InMemoryStore(), model) as health:
        watch = health.watch("")
        assert (await watch.read()).status == SERVING
        model.fails = lambda kind, batch: True
        await fail(health.models.named(""), Text("马"))
        assert (await watch.read()).status == NOT_SERVING
        with capture_logs() as logs:
            monkeypatch.setattr(ModelWatch, "look", fail_to_look)
            while failed_looks < 3:
                await asyncio.sleep(0)
            assert set((await health.states()).values()) == {NOT_SERVING}
            monkeypatch.setattr(ModelWatch, "look", look)
            model.fails = lambda kind, batch: False
            assert (await watch.read()).status == SERVING
    assert [line["event"] for line in logs].count("bug") == 1


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
