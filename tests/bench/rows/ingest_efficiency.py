"""`tihua ingest` with everything included, against the bare engine on decoded batches."""

import contextlib

from bench.companion import companion
from bench.figure import Figure, at_least, medians, ratio_figure
from bench.ingest import ingest
from bench.stage import Stage

BATCH_SIZES = (1, 8, 32)
"""Batch sizes of the engine; the best one counts."""


async def ingest_efficiency(stage: Stage) -> list[Figure]:
    """Ingest a thousand photographs, including the command's start and Milvus' writes."""
    pick = stage.settings.pick
    folder = stage.materials.photographs(pick(1000, 100))
    some = [str(path) for path in sorted(folder.iterdir())[:64]]
    config = stage.engine_config()
    rates, bare = [], []
    async with contextlib.AsyncExitStack() as stack:
        engine = await stack.enter_async_context(companion("bench.engine"))
        server = await stack.enter_async_context(stage.server())
        await ingest(server.address, stage.materials.photographs(40), "warm_up")
        for number in stage.rounds():
            of_engine = {}
            for size in BATCH_SIZES:
                told = await engine.ask(
                    config=config, images=some, batch_size=size, seconds=pick(3, 1)
                )
                of_engine[f"batch of {size}"] = told["per_second"]
            bare.append(of_engine)
            done = await ingest(server.address, folder, f"round_{number}")
            rates.append((done.written / done.wall_s, max(of_engine.values())))
    return [
        ratio_figure(
            "ingest_efficiency",
            f"`tihua ingest`, {pick(1000, 100)} photographs into Milvus Lite",
            rounds=rates,
            unit="images/s",
            against="bare engine, best batch size",
            target=at_least(0.9),
            details=medians(bare),
        )
    ]
