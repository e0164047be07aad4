"""Queries while an ingestion saturates the model: how much each slows the other."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.figure import Figure, at_least, at_most, ratio_figure
from bench.ingest import Ingested, ingest
from bench.load import Load, drive, repeated, until
from bench.materials import QUERIES
from bench.our_server import OurServer
from bench.stage import Stage

LIMIT = 10
SEARCHED = "warm_up"


async def mixed(stage: Stage) -> list[Figure]:
    """Ingest a folder alone, then beside queries, then beside searches.

    Queries and searches are sent one at a time, without a pause.
    """
    pick = stage.settings.pick
    folder = stage.materials.photographs(pick(300, 100))
    text_p99s: list[tuple[float, float]] = []
    search_p99s: list[tuple[float, float]] = []
    rates: list[tuple[float, float]] = []
    text_p50s, search_p50s = [], []
    async with stage.server() as server:

        async def search(query: str) -> int:
            return await server.search(query, SEARCHED, limit=LIMIT)

        await ingest(server.address, stage.materials.photographs(40), SEARCHED)
        for number in stage.rounds():
            idle = await drive(server.embed_text, repeated(QUERIES, pick(500, 150)), in_flight=1)
            lone = await ingest(server.address, folder, f"lone_{number}")
            busy, load = await _beside(server, server.embed_text, folder, f"busy_{number}")
            text_p99s.append((load.percentile_ms(99), idle.percentile_ms(99)))
            text_p50s.append(load.percentile_ms(50))
            rates.append((busy.rate, lone.rate))
            idle = await drive(search, repeated(QUERIES, pick(500, 150)), in_flight=1)
            _, load = await _beside(server, search, folder, f"searched_{number}")
            search_p99s.append((load.percentile_ms(99), idle.percentile_ms(99)))
            search_p50s.append(load.percentile_ms(50))
    return [
        ratio_figure(
            "mixed_text_p99",
            "EmbedText one at a time while `tihua ingest` runs, p99",
            rounds=text_p99s,
            unit="ms",
            against="the same, idle",
            target=at_most(5),
            details={"p50 while ingesting": statistics.median(text_p50s)},
        ),
        ratio_figure(
            "mixed_ingest_share",
            "`tihua ingest` while queries are sent without a pause",
            rounds=rates,
            unit="images/s",
            against="the same, alone",
            target=at_least(0.8),
        ),
        ratio_figure(
            "mixed_search_p99",
            "Search by text, one at a time while `tihua ingest` runs, p99",
            rounds=search_p99s,
            unit="ms",
            against="the same, idle",
            target=at_most(5),
            details={"p50 while ingesting": statistics.median(search_p50s)},
        ),
    ]


async def _beside(
    server: OurServer, call: Callable[[str], Awaitable[object]], folder: Path, collection: str
) -> tuple[Ingested, Load]:
    """Ingest a folder while queries are sent; return the results of both."""
    stop = asyncio.Event()
    queries = asyncio.create_task(drive(call, until(stop, QUERIES), in_flight=1))
    try:
        busy = await ingest(server.address, folder, collection)
    finally:
        stop.set()
        load = await queries
    # While the command starts, the model is idle: those queries do not count.
    return busy, load.within(busy.end_s - busy.seconds, busy.end_s)
