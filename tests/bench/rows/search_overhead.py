"""What Search adds to its parts: the query's embedding and Milvus' own search."""

import contextlib
from time import perf_counter

import numpy as np
from pymilvus import MilvusClient
from tihua_server.milvus.schema import EMBEDDING, output_fields
from tihua_server.search_params import Fields

from bench.figure import Figure, Target, at_most, medians
from bench.ingest import ingest
from bench.load import percentile
from bench.materials import QUERIES
from bench.milvus_lite import milvus_lite
from bench.stage import Stage

LIMIT = 10
COLLECTION = "searched"
TARGET: Target = at_most(3)


async def search_overhead(stage: Stage) -> list[Figure]:
    """Send each query in three ways in turn, one at a time, to the same collection."""
    pick = stage.settings.pick
    folder = stage.materials.photographs(pick(400, 100))
    rounds = []
    details = []
    async with contextlib.AsyncExitStack() as stack:
        address, client = stack.enter_context(milvus_lite())
        server = await stack.enter_async_context(stage.server("--milvus-uri", address))
        await ingest(server.address, folder, COLLECTION)
        for _ in stage.rounds():
            latencies_ms: dict[str, list[float]] = {"Search": [], "EmbedText": [], "pymilvus": []}
            for query in QUERIES * pick(5, 1):
                moments = [perf_counter()]
                embedding = await server.embed_text(query)
                moments.append(perf_counter())
                _search(client, embedding)
                moments.append(perf_counter())
                await server.search(query, COLLECTION, limit=LIMIT)
                moments.append(perf_counter())
                for name, begin, end in zip(
                    ("EmbedText", "pymilvus", "Search"), moments, moments[1:], strict=False
                ):
                    latencies_ms[name].append((end - begin) * 1000)
            p50s = {name: percentile(values, 50) for name, values in latencies_ms.items()}
            details.append(p50s)
            rounds.append((p50s["Search"], p50s["EmbedText"] + p50s["pymilvus"]))
    overhead = float(np.median([whole - parts for whole, parts in rounds]))
    return [
        Figure(
            name="search_overhead_ms",
            what=f"Search by text, p50, of {pick(400, 100)} pictures in Milvus Lite",
            ours=float(np.median([whole for whole, _ in rounds])),
            baseline=float(np.median([parts for _, parts in rounds])),
            unit="ms",
            against="EmbedText + bare pymilvus search, p50s",
            value=overhead,
            value_unit="ms",
            target=TARGET,
            details=medians(details),
            rounds=rounds,
        )
    ]


def _search(client: MilvusClient, embedding: bytes) -> None:
    client.search(
        COLLECTION,
        data=[np.frombuffer(embedding, "<f4")],
        anns_field=EMBEDDING,
        limit=LIMIT,
        output_fields=output_fields(Fields()),
        search_params={"metric_type": "COSINE", "params": {}},
        consistency_level="Bounded",
    )
