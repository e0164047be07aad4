"""The same network behind other servers, in the same run: ours must be ahead in every figure."""

import asyncio
import contextlib
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from bench.contender import Contender
from bench.figure import Figure, at_least, at_most, ratio_figure
from bench.load import drive, lasting, until
from bench.materials import QUERIES, read_all
from bench.peers.mosec import mosec
from bench.peers.plain import plain
from bench.stage import Stage

IN_FLIGHT = 32
PICTURE_CLIENTS = 16
"""Clients that send pictures without a pause while queries are sent one at a time."""

LEAST_BETTER = {
    "text_p50": ("text, one at a time, p50", "ms"),
    "mixed_text_p50": (f"text while {PICTURE_CLIENTS} clients send pictures, p50", "ms"),
    "mixed_text_p99": (f"text while {PICTURE_CLIENTS} clients send pictures, p99", "ms"),
}
MOST_BETTER = {
    "text_rate": (f"texts, {IN_FLIGHT} in flight", "texts/s"),
    "image_rate": (f"1024×1024 JPEGs, {IN_FLIGHT} in flight", "images/s"),
    "mixed_image_rate": ("pictures meanwhile", "images/s"),
}
"""The quantities and their units: those where less is better, and those where more is."""


async def peers(stage: Stage) -> list[Figure]:
    """Measure ours, mosec with each of its thread settings, and a server without batching."""
    model, weights = stage.rival_network()
    images = read_all(stage.materials.large_jpegs)
    seconds = stage.settings.pick(4.0, 1.5)
    rounds: dict[str, list[dict[str, float]]] = {}
    async with contextlib.AsyncExitStack() as stack:
        contenders = await _contenders(stage, stack, model, weights, images)
        for contender in contenders:
            stage.say(f"  warming up {contender.name}")
            await drive(contender.embed_text, QUERIES, in_flight=IN_FLIGHT)
            await drive(contender.embed_image, images[:IN_FLIGHT], in_flight=IN_FLIGHT)
        for _ in stage.rounds():
            for contender in contenders:
                stage.say(f"    {contender.name}")
                measured = await _measure(contender, images, seconds)
                rounds.setdefault(contender.name, []).append(measured)
    return [
        _figure(quantity, rounds, ours=contenders[0].name)
        for quantity in (*LEAST_BETTER, *MOST_BETTER)
    ]


async def _contenders(
    stage: Stage,
    stack: contextlib.AsyncExitStack,
    model: str,
    weights: Path,
    images: Sequence[bytes],
) -> list[Contender]:
    cores = len(os.sched_getaffinity(0))
    contenders: list[Contender] = [await stack.enter_async_context(stage.server())]
    both = sorted({1, min(2, cores)})
    for workers in stage.settings.pick(both, both[-1:]):
        threads = max(1, cores // workers)
        stage.say(f"  starting mosec, {threads} threads × {workers} workers")
        started = mosec(model, weights, threads=threads, workers=workers, example=images[0])
        contenders.append(await stack.enter_async_context(started))
    stage.say("  starting a plain grpc.aio server")
    contenders.append(await stack.enter_async_context(plain(model, weights)))
    return contenders


async def _measure(
    contender: Contender, images: Sequence[bytes], seconds: float
) -> dict[str, float]:
    """Return the figures of one round by name; `seconds` is the length of each of its parts."""
    single = await drive(contender.embed_text, lasting(seconds / 2, QUERIES), in_flight=1)
    texts = await drive(contender.embed_text, lasting(seconds, QUERIES), in_flight=IN_FLIGHT)
    pictures = await drive(contender.embed_image, lasting(seconds, images), in_flight=IN_FLIGHT)
    stop = asyncio.Event()
    flowing = asyncio.create_task(
        drive(contender.embed_image, until(stop, images), in_flight=PICTURE_CLIENTS)
    )
    try:
        # The clients start together; after a second they have spread out.
        await asyncio.sleep(1)
        start_s = perf_counter()
        # Long enough for several batches of the slowest, which answers all sixteen pictures at
        # once.
        queries = await drive(contender.embed_text, lasting(seconds * 8, QUERIES), in_flight=1)
        end_s = perf_counter()
    finally:
        stop.set()
        meanwhile = await flowing
    return {
        "text_p50": single.percentile_ms(50),
        "text_rate": texts.rate,
        "image_rate": pictures.rate,
        "mixed_text_p50": queries.percentile_ms(50),
        "mixed_text_p99": queries.percentile_ms(99),
        "mixed_texts": len(queries.calls),
        "mixed_image_rate": meanwhile.rate_between(start_s, end_s),
    }


def _figure(quantity: str, rounds: dict[str, list[dict[str, float]]], *, ours: str) -> Figure:
    """Return ours against the best of the others, by medians over the rounds."""
    is_least_better = quantity in LEAST_BETTER
    what, unit = (LEAST_BETTER if is_least_better else MOST_BETTER)[quantity]
    medians = {
        name: statistics.median(each[quantity] for each in measured)
        for name, measured in rounds.items()
    }
    others = {name: value for name, value in medians.items() if name != ours}
    best = (min if is_least_better else max)(others, key=lambda name: others[name])
    pairs = zip(rounds[ours], rounds[best], strict=True)
    return ratio_figure(
        f"peers_{quantity}",
        what,
        rounds=[(our[quantity], their[quantity]) for our, their in pairs],
        unit=unit,
        against=f"best peer: {best}",
        target=at_most(1) if is_least_better else at_least(1),
        details=medians,
        note=_fewest(rounds) if quantity == "mixed_text_p99" else "",
    )


def _fewest(rounds: dict[str, list[dict[str, float]]]) -> str:
    """Return how many queries each percentile is based on, at least."""
    counts = [
        f"{name} {min(each['mixed_texts'] for each in measured):.0f}"
        for name, measured in rounds.items()
    ]
    return "queries a round, at least: " + ", ".join(counts)
