"""Pictures a second of EmbedImage, against the tutorial's loop."""

import contextlib

from bench.companion import companion
from bench.figure import Figure, at_least, ratio_figure
from bench.load import drive
from bench.materials import read_all
from bench.stage import Stage, noting

IN_FLIGHT = 32
TARGETS = {"bf16": 4.5, "int8": 7.0}
"""Our precisions, and how many times as fast as the tutorial each must be."""


async def image_ratio(stage: Stage) -> list[Figure]:
    """Send 64 JPEGs of 1024×1024, one a call; the tutorial gets fewer, because it is slow."""
    question = stage.tutorial_question()
    paths = stage.materials.large_jpegs
    images = read_all(paths)
    chosen = [str(path) for path in paths[: stage.settings.pick(24, 4)]]
    rates: dict[str, list[float]] = {precision: [] for precision in TARGETS}
    tutorial_rates = []
    async with contextlib.AsyncExitStack() as stack:
        tutorial = await stack.enter_async_context(companion("bench.peers.tutorial_loop"))
        await tutorial.ask(**question, images=chosen[:2])
        servers, refusals = await stage.servers(stack, TARGETS)
        for server in servers.values():
            await drive(server.embed_image, images[:16], in_flight=IN_FLIGHT)
        for _ in stage.rounds():
            for precision, server in servers.items():
                load = await drive(server.embed_image, images, in_flight=IN_FLIGHT)
                rates[precision].append(load.rate)
            seconds = await tutorial.ask(**question, images=chosen)
            tutorial_rates.append(len(seconds) / sum(seconds))
    figures = [
        ratio_figure(
            f"image_ratio_{precision}",
            f"EmbedImage, 1024×1024 JPEGs, {IN_FLIGHT} in flight, {precision}",
            rounds=list(zip(rates[precision], tutorial_rates, strict=True)),
            unit="images/s",
            against="tutorial, fp32",
            target=at_least(bound),
        )
        for precision, bound in TARGETS.items()
        if precision in servers
    ]
    return noting(refusals, figures)
