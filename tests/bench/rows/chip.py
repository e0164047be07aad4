"""The bare engine against what the processor can do: products of matrices and nothing else."""

import contextlib

from bench.companion import companion
from bench.figure import Figure, ratio_figure
from bench.stage import Stage

PRECISIONS = ("bf16", "int8")
PICTURES = (1, 2, 4, 8)
"""Whose tokens are one matrix; the engine and the products are each measured by their best."""


async def chip(stage: Stage) -> list[Figure]:
    """Count the operations of the vision tower, and compare what both do of them a second.

    Of the same model as `image_ratio`: what that row can come to on a processor follows from it.
    """
    images = [str(path) for path in stage.materials.large_jpegs]
    seconds = stage.settings.pick(2, 0.5)
    figures = []
    async with contextlib.AsyncExitStack() as stack:
        engine = await stack.enter_async_context(companion("bench.engine"))
        products = await stack.enter_async_context(companion("bench.products"))
        flops = await products.ask(**stage.tutorial_question())
        for precision in PRECISIONS:
            config = stage.engine_config(precision=precision)
            rounds = []
            for _ in stage.rounds():
                rates = []
                for size in PICTURES:
                    told = await engine.ask(
                        config=config, images=images, batch_size=size, seconds=seconds
                    )
                    rates.append(told["per_second"])
                most = await products.ask(
                    precision=precision,
                    pictures=PICTURES,
                    streams=told["streams"],
                    seconds=seconds,
                )
                rounds.append((max(rates) * flops / 1e9, most / 1e9))
            figures.append(
                ratio_figure(
                    f"chip_share_{precision}",
                    f"bare engine, {flops / 1e9:.1f} GFLOP a picture, {precision}",
                    rounds=rounds,
                    unit="GFLOP/s",
                    against="products of matrices alone",
                    target=None,
                )
            )
    return figures
