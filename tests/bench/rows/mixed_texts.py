"""Queries and pictures while texts are ingested, which keeps the text model busy."""

import asyncio
from collections.abc import Iterator

import tihua

from bench.figure import Figure, at_most, ratio_figure
from bench.load import Load, drive, lasting, repeated
from bench.materials import QUERIES, small_jpegs
from bench.our_server import OurServer
from bench.stage import Stage

POEM = "枯藤老树昏鸦，小桥流水人家，古道西风瘦马。夕阳西下，断肠人在天涯。"
"""33 characters, each a token; a number follows them."""


async def mixed_texts(stage: Stage) -> list[Figure]:
    """Ingest texts without end; send queries, then pictures, one at a time, without a pause."""
    pick = stage.settings.pick
    pictures = small_jpegs(8)
    texts_ms: list[tuple[float, float]] = []
    pictures_ms: list[tuple[float, float]] = []
    async with stage.server() as server, tihua.AsyncClient(server.address) as client:
        for number in stage.rounds():
            idle = await drive(server.embed_text, repeated(QUERIES, pick(500, 150)), in_flight=1)
            alone = await drive(server.embed_image, repeated(pictures, pick(40, 10)), in_flight=1)
            collection = f"texts_{number}"
            await client.create_collection(collection)
            stop = asyncio.Event()
            ingestion = asyncio.create_task(client.ingest(_poems(stop), collection=collection))
            try:
                busy, beside = await _beside(server, pictures, seconds=pick(8, 3))
            finally:
                stop.set()
                await ingestion
            texts_ms.append((busy.percentile_ms(99), idle.percentile_ms(99)))
            pictures_ms.append((beside.percentile_ms(50), alone.percentile_ms(50)))
    return [
        ratio_figure(
            "mixed_texts_text_p99",
            "EmbedText one at a time while texts are ingested, p99",
            rounds=texts_ms,
            unit="ms",
            against="the same, idle",
            target=at_most(5),
        ),
        ratio_figure(
            "mixed_texts_image_p50",
            "EmbedImage, 256×256 JPEGs, one at a time while texts are ingested, p50",
            rounds=pictures_ms,
            unit="ms",
            against="the same, idle",
            target=None,
        ),
    ]


async def _beside(server: OurServer, pictures: list[bytes], *, seconds: float) -> tuple[Load, Load]:
    """Send queries and then pictures, for `seconds` each, once the ingestion is under way."""
    await drive(server.embed_text, lasting(1, QUERIES), in_flight=1)
    texts = await drive(server.embed_text, lasting(seconds, QUERIES), in_flight=1)
    return texts, await drive(server.embed_image, lasting(seconds, pictures), in_flight=1)


def _poems(stop: asyncio.Event) -> Iterator[tihua.Item]:
    number = 0
    while not stop.is_set():
        number += 1
        yield tihua.Item(id=str(number), text=f"{POEM}{number}")
