"""Queries while an ingestion saturates the model: what each costs the other."""

import asyncio
import statistics

from bench.figure import Figure, at_least, at_most, ratio_figure
from bench.ingest import ingest
from bench.load import drive, repeated, until
from bench.materials import QUERIES
from bench.stage import Stage


async def mixed(stage: Stage) -> list[Figure]:
    """Ingest one folder alone and one under queries; queries one at a time, without a pause."""
    pick = stage.settings.pick
    folder = stage.materials.photographs(pick(300, 100))
    p99s: list[tuple[float, float]] = []
    rates: list[tuple[float, float]] = []
    p50s = []
    async with stage.server() as server:
        await ingest(server.address, stage.materials.photographs(40), "warm_up")
        for number in stage.rounds():
            idle = await drive(server.embed_text, repeated(QUERIES, pick(500, 150)), in_flight=1)
            lone = await ingest(server.address, folder, f"lone_{number}")
            stop = asyncio.Event()
            queries = asyncio.create_task(
                drive(server.embed_text, until(stop, QUERIES), in_flight=1)
            )
            try:
                busy = await ingest(server.address, folder, f"busy_{number}")
            finally:
                stop.set()
                load = await queries
            # The command starts in a moment when the model is still idle: not counted.
            load = load.within(busy.end_s - busy.seconds, busy.end_s)
            p99s.append((load.percentile_ms(99), idle.percentile_ms(99)))
            p50s.append(load.percentile_ms(50))
            rates.append((busy.rate, lone.rate))
    return [
        ratio_figure(
            "mixed_text_p99",
            "EmbedText one at a time while `tihua ingest` runs, p99",
            rounds=p99s,
            unit="ms",
            against="the same, idle",
            target=at_most(5),
            details={"p50 while ingesting": statistics.median(p50s)},
        ),
        ratio_figure(
            "mixed_ingest_share",
            "`tihua ingest` while queries are sent without a pause",
            rounds=rates,
            unit="images/s",
            against="the same, alone",
            target=at_least(0.8),
        ),
    ]
