"""Single inputs beside a caller who sends many at once, of the same lane."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bench.figure import Figure, ratio_figure
from bench.load import drive, lasting, repeated, until
from bench.materials import QUERIES, small_jpegs
from bench.stage import Stage

TEXTS = 256
PICTURES = 64

T = TypeVar("T")


async def large_calls(stage: Stage) -> list[Figure]:
    """Send single inputs one at a time, and then the same beside one caller of large calls."""
    pick = stage.settings.pick
    pictures = small_jpegs(8)
    text_ms: list[tuple[float, float]] = []
    picture_ms: list[tuple[float, float]] = []
    async with stage.server() as server:

        async def p50s(
            single: Callable[[T], Awaitable[object]],
            large: Callable[[Sequence[T]], Awaitable[object]],
            inputs: Sequence[T],
            *,
            many: int,
            seconds: float,
        ) -> tuple[float, float]:
            idle = await drive(single, lasting(seconds / 2, inputs), in_flight=1)
            stop = asyncio.Event()
            calls = [list(repeated(inputs, many))]
            beside = asyncio.create_task(drive(large, until(stop, calls), in_flight=1))
            try:
                busy = await drive(single, lasting(seconds, inputs), in_flight=1)
            finally:
                stop.set()
                await beside
            return busy.percentile_ms(50), idle.percentile_ms(50)

        for _ in stage.rounds():
            text_ms.append(
                await p50s(
                    server.embed_text,
                    server.embed_texts,
                    QUERIES,
                    many=TEXTS,
                    seconds=pick(8, 3),
                )
            )
            picture_ms.append(
                await p50s(
                    server.embed_image,
                    server.embed_images,
                    pictures,
                    many=PICTURES,
                    seconds=pick(16, 6),
                )
            )
    return [
        ratio_figure(
            "large_calls_text_p50",
            f"EmbedText one at a time beside a caller of {TEXTS} texts, p50",
            rounds=text_ms,
            unit="ms",
            against="the same, idle",
            target=None,
        ),
        ratio_figure(
            "large_calls_image_p50",
            f"EmbedImage, 256×256 JPEGs, one at a time beside a caller of {PICTURES}, p50",
            rounds=picture_ms,
            unit="ms",
            against="the same, idle",
            target=None,
        ),
    ]
