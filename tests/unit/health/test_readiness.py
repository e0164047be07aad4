"""What health says while the store comes and goes, over a real health service."""

import asyncio

import pytest
from in_memory_store import InMemoryStore
from silent_watcher import silent_watcher
from structlog.testing import capture_logs
from tihua_server.errors import StoreFull, StoreUnavailable
from watched_health import NOT_SERVING, SERVING, watched


class PingedStore(InMemoryStore):
    """A store that counts how often it was asked how it is.

    Attributes:
        pings: the count.
    """

    def __init__(self) -> None:
        """Begin with no ping."""
        super().__init__()
        self.pings = 0

    async def ping(self) -> None:
        """Count, and answer."""
        self.pings += 1
        await super().ping()


@pytest.fixture
def store() -> InMemoryStore:
    """A store that answers."""
    return InMemoryStore()


async def test_health_follows_the_store_and_embedding_needs_none(store: InMemoryStore) -> None:
    """What needs the store is NOT_SERVING while it is away, and SERVING again by itself."""
    async with watched(store) as health:
        watch = health.watch("Search")
        assert (await watch.read()).status == SERVING
        store.error = StoreUnavailable("it does not answer")
        assert (await watch.read()).status == NOT_SERVING
        assert health.readiness.is_store_away()
        assert (await health.states())["Embedding"] == SERVING
        store.error = None
        assert (await watch.read()).status == SERVING
        assert not health.readiness.is_store_away()
        assert (await health.states())[""] == SERVING


async def test_health_survives_a_bug() -> None:
    """What needs the store is NOT_SERVING, the log says why once, and health goes on following."""
    store = PingedStore()
    async with watched(store) as health:
        watch = health.watch("Search")
        assert (await watch.read()).status == SERVING
        with capture_logs() as lines:
            store.error = ZeroDivisionError()
            assert (await watch.read()).status == NOT_SERVING
            pings = store.pings
            while store.pings < pings + 3:
                await asyncio.sleep(0)
            store.error = None
            assert (await watch.read()).status == SERVING

    assert [type(line["exc_info"]) for line in lines if "exc_info" in line] == [ZeroDivisionError]


async def test_a_store_that_comes_back_does_not_revive_a_stopping_server(
    store: InMemoryStore,
) -> None:
    """After the end nothing is SERVING."""
    async with watched(store) as health:
        store.error = StoreUnavailable("it does not answer")
        watch = health.watch("")
        while (await watch.read()).status == SERVING:
            pass
        await health.readiness.end()
        store.error = None
        assert set((await health.states()).values()) == {NOT_SERVING}


async def test_a_full_store_still_searches(store: InMemoryStore) -> None:
    """Only ingest is NOT_SERVING, until there is room."""
    async with watched(store) as health:
        watch = health.watch("Ingest")
        assert (await watch.read()).status == SERVING
        store.error = StoreFull("no room")
        assert (await watch.read()).status == NOT_SERVING
        states = await health.states()
        assert {service for service in states if states[service] == NOT_SERVING} == {"Ingest"}
        assert not health.readiness.is_store_away()
        store.error = None
        assert (await watch.read()).status == SERVING


async def test_a_watcher_that_does_not_read_keeps_no_news_from_others(
    store: InMemoryStore,
) -> None:
    """They are told of an outage, of its end, and of the end of the server."""
    async with (
        asyncio.timeout(30),
        watched(store) as health,
        silent_watcher(health.address),
    ):
        watch = health.watch("")
        assert (await watch.read()).status == SERVING
        store.error = StoreUnavailable("it does not answer")
        assert (await watch.read()).status == NOT_SERVING
        store.error = None
        assert (await watch.read()).status == SERVING
        await health.readiness.end()
        assert (await watch.read()).status == NOT_SERVING
