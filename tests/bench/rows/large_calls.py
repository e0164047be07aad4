"""Single inputs beside a caller who sends many at once, of the same lane."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bench.figure import Figure, ratio_figure
from bench.load import drive, lasting, repeated, until
from bench.materials import QUERIES, small_jpegs
from bench.stage import Stage

TEXTS = 256
PICTURES = 64

T = TypeVar("T")


@dataclass
class _Beside(Generic[T]):
    """Single calls and large ones.

    Attributes:
        single, large: make a call.
        inputs: inputs of both kinds of call.
        many: number of inputs in a large call.
        p50s_ms: p50 of single calls, beside large ones and on the idle server, by round.
        rates: inputs a second of the large calls, beside single ones and alone, by round.
    """

    single: Callable[[T], Awaitable[object]]
    large: Callable[[Sequence[T]], Awaitable[object]]
    inputs: Sequence[T]
    many: int
    p50s_ms: list[tuple[float, float]] = field(default_factory=list)
    rates: list[tuple[float, float]] = field(default_factory=list)

    async def measure(self, seconds: float) -> None:
        """Measure each kind alone, and then both together for `seconds`."""
        calls = [list(repeated(self.inputs, self.many))]
        idle = await drive(self.single, lasting(seconds / 2, self.inputs), in_flight=1)
        alone = await drive(self.large, lasting(seconds / 2, calls), in_flight=1)
        stop = asyncio.Event()
        single = asyncio.create_task(drive(self.single, until(stop, self.inputs), in_flight=1))
        try:
            # Single calls go on until the last large one ends, so that all have company.
            beside = await drive(self.large, lasting(seconds, calls), in_flight=1)
        finally:
            stop.set()
            busy = await single
        self.p50s_ms.append((busy.percentile_ms(50), idle.percentile_ms(50)))
        self.rates.append((beside.rate * self.many, alone.rate * self.many))

    def figure(self, name: str, what: str) -> Figure:
        """Return the figure of all rounds."""
        beside, alone = zip(*self.rates, strict=True)
        return ratio_figure(
            name,
            f"{what}, p50",
            rounds=self.p50s_ms,
            unit="ms",
            against="the same, idle",
            target=None,
            note=f"inputs a second of the large calls meanwhile"
            f" {statistics.median(beside):.3g}, alone {statistics.median(alone):.3g}",
        )


async def large_calls(stage: Stage) -> list[Figure]:
    """Send single inputs one at a time, and then the same beside one caller of large calls."""
    pick = stage.settings.pick
    async with stage.server() as server:
        texts = _Beside(server.embed_text, server.embed_texts, QUERIES, TEXTS)
        pictures = _Beside(server.embed_image, server.embed_images, small_jpegs(8), PICTURES)
        for _ in stage.rounds():
            await texts.measure(pick(8, 3))
            await pictures.measure(pick(24, 8))
    return [
        texts.figure(
            "large_calls_text_p50", f"EmbedText one at a time beside a caller of {TEXTS} texts"
        ),
        pictures.figure(
            "large_calls_image_p50",
            f"EmbedImage, 256×256 JPEGs, one at a time beside a caller of {PICTURES}",
        ),
    ]
