"""A storm of callers who hang up: a thousand a second, on every kind of call."""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from tihua.v1 import embedding_service_pb2, ingest_service_pb2, search_service_pb2, types_pb2
from tihua.v1.embedding_service_pb2_grpc import EmbeddingServiceStub
from tihua.v1.ingest_service_pb2_grpc import IngestServiceStub
from tihua.v1.search_service_pb2_grpc import SearchServiceStub

from chaos.entries import Entry
from chaos.ground import COLLECTION, Ground, Subject, subject
from chaos.health_watch import HealthWatch
from chaos.load import load
from chaos.outcome import Memory, Outcome
from chaos.patience import PATIENCE_S
from chaos.server import Server

PER_S = 1_000
"""Calls cancelled per second; a call that ends before is replaced by another."""

MAX_STAY_S = 0.05
"""How long a caller waits at most: some cancel before the server sees their call, others while the
model or the store is working on it."""

TICK_S = 0.01


def cancellations(ground: Ground) -> Outcome:
    """Start and cancel calls, while others write and search.

    Writing alone makes the embedded store grow, so memory is compared with that after a clean
    restart on the same data, a short storm, and then as many writes without any cancellation.
    """
    seconds = ground.scale.storm_s
    with Server(ground.folder / "data") as server, subject(server.address) as it:
        with (
            HealthWatch(server.address, COLLECTION, it.dim) as watch,
            load(server.address, it, ground) as queries,
        ):
            _warm_up(server, it, ground)
            start = it.ledger.writes
            ended = asyncio.run(_storm(server.address, it.dim, ground.choice, seconds))
            calm_s = time.monotonic()
            recovery_s = watch.wait_until_it_works(calm_s, 60)
            writes = it.ledger.writes - start
        verdict = it.check(at_rest=True)
        survivor = server.settled_bytes()
        server.stop()
        server.start()
        with load(server.address, it, ground):
            _warm_up(server, it, ground)
            it.ledger.wait_for(it.ledger.writes + writes, seconds + PATIENCE_S)
        it.check(at_rest=True)
        memory = Memory(before=server.settled_bytes(), after=survivor)
    lie_s, lie = watch.longest_lie_s()
    cancelled = ended.pop(grpc.StatusCode.CANCELLED, 0)
    others = ", ".join(f"{count} {status.name}" for status, count in ended.most_common())
    return Outcome(
        what=f"callers who hang up, {round(cancelled / seconds)} a second",
        cycles=cancelled,
        verdict=verdict,
        memory=memory,
        recoveries_s=[recovery_s],
        lie_s=lie_s,
        lie=lie,
        notes=[
            f"{cancelled} cancelled in {seconds:g} s; ended before: {others or 'none'}",
            queries.told(),
        ],
        problems=queries.odd + server.bugs,
    )


def _warm_up(server: Server, it: Subject, ground: Ground) -> None:
    """Let pools grow to the size that a storm needs, while a load runs."""
    it.ledger.wait_for(it.ledger.writes + ground.scale.work, PATIENCE_S)
    asyncio.run(_storm(server.address, it.dim, ground.choice, ground.scale.warm_up_s))


async def _storm(
    address: str, dim: int, choice: random.Random, seconds: float
) -> Counter[grpc.StatusCode]:
    """Start calls so that `PER_S` a second are cancelled; return the number of calls by status."""
    ended: Counter[grpc.StatusCode] = Counter()
    async with grpc.aio.insecure_channel(address) as channel:
        begin = _calls(channel, dim)
        under_way: set[asyncio.Task[None]] = set()
        start_s = time.monotonic()
        while (passed_s := time.monotonic() - start_s) < seconds:
            while ended[grpc.StatusCode.CANCELLED] + len(under_way) < passed_s * PER_S:
                stay_s = choice.uniform(0, MAX_STAY_S)
                task = asyncio.create_task(_give_up(choice.choice(begin), stay_s, ended))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            await asyncio.sleep(TICK_S)
        await asyncio.gather(*under_way)
    return ended


def _calls(channel: grpc.aio.Channel, dim: int) -> list[Callable[[], Any]]:
    """Return a function for each kind of call, which starts one."""
    embedding: Any = EmbeddingServiceStub(channel)
    searching: Any = SearchServiceStub(channel)
    ingesting: Any = IngestServiceStub(channel)
    query = types_pb2.VectorBlock(data=Entry("q-0", 1).embedding(dim).tobytes(), dim=dim, count=1)
    texts = embedding_service_pb2.EmbedTextRequest(texts=["夕阳西下", "断肠人在天涯"])
    by_text = search_service_pb2.QueryTerm(text="小桥流水人家")
    by_embedding = search_service_pb2.QueryTerm(embedding=query)

    async def batches() -> AsyncIterator[ingest_service_pb2.IngestRequest]:
        # A new session each time, and only items that fail: nothing is stored.
        start = ingest_service_pb2.IngestStart(collection=COLLECTION, session_id=str(uuid.uuid4()))
        yield ingest_service_pb2.IngestRequest(start=start)
        for seq in range(1, 9):
            batch = ingest_service_pb2.IngestBatch(seq=seq, items=[types_pb2.Item(id="x")] * 8)
            yield ingest_service_pb2.IngestRequest(batch=batch)

    def search(term: search_service_pb2.QueryTerm) -> Any:
        request = search_service_pb2.SearchRequest(collection=COLLECTION, terms=[term], limit=10)
        return searching.Search(request)

    return [
        lambda: embedding.EmbedText(texts),
        lambda: search(by_text),
        lambda: search(by_embedding),
        lambda: ingesting.Ingest(batches()),
    ]


async def _give_up(begin: Callable[[], Any], stay_s: float, ended: Counter[Any]) -> None:
    call = begin()
    await asyncio.sleep(stay_s)
    call.cancel()
    ended[await call.code()] += 1
