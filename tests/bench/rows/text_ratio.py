"""Short queries by EmbedText, against the tutorial's loop: one at a time, and many at once."""

import contextlib

from bench.companion import companion
from bench.figure import Figure, at_least, at_most, ratio_figure
from bench.load import drive, percentile, repeated
from bench.materials import QUERIES
from bench.our_server import OurServer
from bench.stage import Stage, noting

IN_FLIGHT = 32
INT8 = "int8"
"""Measured in addition to the precision of the settings, with the same targets."""


async def text_ratio(stage: Stage) -> list[Figure]:
    """Send thirty short queries over and over; the tutorial gets each once a round."""
    question = stage.tutorial_question()
    pick = stage.settings.pick
    precisions = {stage.settings.precision: "", INT8: f"_{INT8}"}
    latencies_ms: dict[str, list[tuple[float, float]]] = {name: [] for name in precisions}
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in precisions}
    async with contextlib.AsyncExitStack() as stack:
        tutorial = await stack.enter_async_context(companion("bench.peers.tutorial_loop"))
        await tutorial.ask(**question, texts=QUERIES[:2])
        servers, refusals = await stage.servers(stack, precisions)
        for server in servers.values():
            await drive(server.embed_text, repeated(QUERIES, 64), in_flight=IN_FLIGHT)
        for _ in stage.rounds():
            ours = {
                precision: await _measure(server, pick(150, 30), pick(768, 128))
                for precision, server in servers.items()
            }
            seconds = await tutorial.ask(**question, texts=QUERIES[: pick(30, 10)])
            for precision, (p50_ms, rate) in ours.items():
                latencies_ms[precision].append((p50_ms, percentile(seconds, 50) * 1000))
                rates[precision].append((rate, len(seconds) / sum(seconds)))
    against = "tutorial, fp32, padded to 52"
    figures = [
        ratio_figure(
            f"text_latency_ratio{precisions[precision]}",
            f"EmbedText, short queries, one at a time, p50, {precision}",
            rounds=latencies_ms[precision],
            unit="ms",
            against=against,
            target=at_most(1 / 8),
        )
        for precision in servers
    ]
    figures += [
        ratio_figure(
            f"text_rate_ratio{precisions[precision]}",
            f"EmbedText, short queries, {IN_FLIGHT} in flight, {precision}",
            rounds=rates[precision],
            unit="texts/s",
            against=against,
            target=at_least(20),
        )
        for precision in servers
    ]
    return noting(refusals, figures)


async def _measure(server: OurServer, one_by_one: int, at_once: int) -> tuple[float, float]:
    """Return the p50 of queries sent one at a time, in ms, and the rate of many at once."""
    single = await drive(server.embed_text, repeated(QUERIES, one_by_one), in_flight=1)
    many = await drive(server.embed_text, repeated(QUERIES, at_once), in_flight=IN_FLIGHT)
    return single.percentile_ms(50), many.rate
