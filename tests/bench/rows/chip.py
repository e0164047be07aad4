"""The bare engine against what the processor can do: products of matrices and nothing else."""

from bench.companion import Askable, Refusal, companion
from bench.figure import Figure, ratio_figure
from bench.stage import Stage, noting

PRECISIONS = ("bf16", "int8")
PICTURES = (1, 2, 4, 8)
"""Pictures whose tokens form one matrix; engine and products are each measured by their best."""


async def chip(stage: Stage) -> list[Figure]:
    """Count the operations of the vision tower, and compare how many both do of them a second.

    The model is that of `image_ratio`; the rate of the products limits what that row can reach
    here.
    """
    question = stage.tutorial_question()
    async with companion("bench.engine") as engine, companion("bench.products") as products:
        return await shares(stage, engine, products, await products.ask(**question))


async def shares(stage: Stage, engine: Askable, products: Askable, flops: float) -> list[Figure]:
    """Return the engine's share of the products, in each precision that it computes here.

    Args:
        stage: the settings.
        engine: answers as `bench.engine` does.
        products: answers as `bench.products` does.
        flops: operations of the vision tower for a picture.

    Raises:
        Skipped: the engine computes none of the precisions.
    """
    figures = []
    refusals = []
    for precision in PRECISIONS:
        try:
            rounds = [
                await _round(stage, engine, products, flops, precision) for _ in stage.rounds()
            ]
        except Refusal as refusal:
            stage.say(f"  not computed in {precision}: {refusal}")
            refusals.append(f"{precision} is not computed: {refusal}")
            continue
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
    return noting(refusals, figures)


async def _round(
    stage: Stage, engine: Askable, products: Askable, flops: float, precision: str
) -> tuple[float, float]:
    """Return the GFLOP a second of the engine and of the products."""
    config = stage.engine_config(precision=precision)
    images = [str(path) for path in stage.materials.large_jpegs]
    seconds = stage.settings.pick(2, 0.5)
    rates = []
    for size in PICTURES:
        told = await engine.ask(config=config, images=images, batch_size=size, seconds=seconds)
        rates.append(told["per_second"])
    most = await products.ask(
        precision=precision,
        pictures=PICTURES,
        # torch has no streams: it computes one batch at a time.
        streams=max(1, told["streams"]),
        seconds=seconds,
    )
    return max(rates) * flops / 1e9, most / 1e9
