"""Short queries by EmbedText, against the tutorial's loop: one at a time, and many at once."""

import contextlib

from bench.companion import companion
from bench.figure import Figure, at_least, at_most, ratio_figure
from bench.load import drive, percentile, repeated
from bench.materials import QUERIES
from bench.stage import Stage

IN_FLIGHT = 32


async def text_ratio(stage: Stage) -> list[Figure]:
    """Send thirty short queries over and over; the tutorial takes each once a round."""
    pick = stage.settings.pick
    latencies_ms: list[tuple[float, float]] = []
    rates: list[tuple[float, float]] = []
    async with contextlib.AsyncExitStack() as stack:
        tutorial = await stack.enter_async_context(companion("bench.peers.tutorial_loop"))
        question = stage.tutorial_question()
        await tutorial.ask(**question, texts=QUERIES[:2])
        server = await stack.enter_async_context(stage.server())
        await drive(server.embed_text, repeated(QUERIES, 64), in_flight=IN_FLIGHT)
        for _ in stage.rounds():
            single = await drive(server.embed_text, repeated(QUERIES, pick(150, 30)), in_flight=1)
            many = await drive(
                server.embed_text, repeated(QUERIES, pick(768, 128)), in_flight=IN_FLIGHT
            )
            seconds = await tutorial.ask(**question, texts=QUERIES[: pick(30, 10)])
            latencies_ms.append((single.percentile_ms(50), percentile(seconds, 50) * 1000))
            rates.append((many.rate, len(seconds) / sum(seconds)))
    against = "tutorial, fp32, padded to 52"
    return [
        ratio_figure(
            "text_latency_ratio",
            "EmbedText, short queries, one at a time, p50",
            rounds=latencies_ms,
            unit="ms",
            against=against,
            target=at_most(1 / 8),
        ),
        ratio_figure(
            "text_rate_ratio",
            f"EmbedText, short queries, {IN_FLIGHT} in flight",
            rounds=rates,
            unit="texts/s",
            against=against,
            target=at_least(20),
        ),
    ]
