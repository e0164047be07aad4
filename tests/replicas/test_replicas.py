"""Two replicas on one Milvus 2.3.5: balanced, killed, drained, without failed calls."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from typing import TypeAlias

import pytest
import tihua
from replica_pair import Pair, Replica
from tihua._ingest.types import WriteMode

pytestmark = [pytest.mark.milvus, pytest.mark.timeout(600)]

End: TypeAlias = Callable[[Replica], None]
ENDS = pytest.mark.parametrize("end", [Replica.kill, Replica.terminate])
WORDS = ("马", "桥", "流水", "人家", "古道", "西风", "夕阳", "昏鸦")


def items(count: int) -> list[tihua.Item]:
    """Return texts made from the words."""
    return [tihua.Item(f"{n:04}", text=f"{WORDS[n % len(WORDS)]}{n}") for n in range(count)]


def test_both_get_calls_behind_one_name(pair: Pair) -> None:
    """With `dns:///` and round_robin, each answers its share."""

    def answered() -> list[float]:
        name, labels = "tihua_rpc_seconds_count", {"method": "EmbeddingService/EmbedText"}
        return [replica.metrics.value(name, **labels, code="OK") for replica in pair.replicas]

    with tihua.Client(pair.address) as client:
        before = answered()
        while min(counts := [b - a for a, b in zip(before, answered(), strict=True)]) < 10:
            client.embed_text("马")
    assert sum(counts) < 200


def test_what_one_does_to_collections_the_other_sees(pair: Pair) -> None:
    """It is created, filled and deleted, although each caches collections for a few seconds."""
    name = f"test_{uuid.uuid4().hex}"
    one, other = (
        tihua.Client(replica.server.address, collection=name) for replica in pair.replicas
    )
    with one, other:
        one.create_collection(index="FLAT")
        other.upsert(items(3))
        found = one.search(text="马0", consistency="strong", limit=1)
        assert [hit.id for hit in found] == ["0000"]
        one.delete_collection(name)
        with pytest.raises(tihua.NotFoundError):
            other.search(text="马")
        other.create_collection(index="FLAT")
        assert one.count_items() == 0
        other.delete_collection(name)


@ENDS
async def test_queries_go_on_when_a_replica_goes(pair: Pair, collection: str, end: End) -> None:
    """A replica is killed or stopped under load: no query fails or is lost."""
    async with tihua.AsyncClient(pair.address, collection=collection) as client:
        await client.upsert(items(64))
        answered = 0
        is_over = asyncio.Event()

        async def ask() -> None:
            nonlocal answered
            while not is_over.is_set():
                await client.search(text="马", limit=3)
                answered += 1

        async def reach(count: int) -> None:
            while answered < count:
                await asyncio.sleep(0.01)

        async def lose_one() -> None:
            try:
                await reach(100)
                end(pair.replicas[0])
                await asyncio.to_thread(pair.replicas[0].server.process.wait, 60)
                await reach(answered + 100)
            finally:
                is_over.set()

        await asyncio.gather(lose_one(), *(ask() for _ in range(32)))
    assert answered >= 200
    if end is Replica.terminate:
        assert pair.replicas[0].server.process.returncode == 0


@pytest.mark.parametrize(
    ("end", "mode"),
    [
        (Replica.kill, "upsert"),
        (Replica.kill, "insert-only"),
        (Replica.terminate, "skip-existing"),
    ],
)
def test_an_ingest_goes_on_at_the_other_replica(
    pair: Pair, collection: str, end: End, mode: WriteMode
) -> None:
    """The one with the stream ends midway: nothing is lost, doubled or counted wrongly."""
    given = items(600)
    with tihua.Client(pair.address, collection=collection) as client:
        client.upsert(given[:50])
        has_ended = False

        def lose_the_one_with_the_stream(progress: tihua.IngestProgress) -> None:
            nonlocal has_ended
            if not has_ended:
                has_ended = True
                end(pair.with_stream())

        summary = client.ingest(
            given,
            mode=mode,
            batch_size=4,
            session_id=f"{mode} {end.__name__}",
            on_progress=lose_the_one_with_the_stream,
        )
        assert has_ended
        there = 0 if mode == "upsert" else 50
        failed, skipped = (there, 0) if mode == "insert-only" else (0, there)
        assert (summary.written, summary.failed, summary.skipped, summary.sent) == (
            600 - there,
            failed,
            skipped,
            600,
        )
        assert client.count_items() == 600
        assert {item.id for item in client.list_items(fields=[])} == {item.id for item in given}


def test_a_client_finds_a_server_that_was_started_again(pair: Pair) -> None:
    """The same client's calls succeed again soon after the server is back."""
    replica = pair.replicas[0]
    with tihua.Client(replica.server.address) as client:
        client.embed_text("马")
        replica.kill()
        replica.server.process.wait()
        with pytest.raises(tihua.UnavailableError):
            client.embed_text("马")
        replica.start()
        give_up_s = time.monotonic() + 60
        is_found = False
        while not is_found:
            assert time.monotonic() < give_up_s
            with contextlib.suppress(tihua.UnavailableError, tihua.DeadlineError):
                is_found = len(client.embed_text("马", timeout=5)) > 0


def test_a_strong_search_finds_the_example_that_the_other_just_wrote(
    pair: Pair, collection: str
) -> None:
    """An item acknowledged by one replica is immediately usable as an example at the other."""
    one, other = (
        tihua.Client(replica.server.address, collection=collection) for replica in pair.replicas
    )
    with one, other:
        for item in items(20):
            one.upsert([item])
            hits = other.search(item_id=item.id, consistency="strong", limit=20)
            assert item.id not in [hit.id for hit in hits]
