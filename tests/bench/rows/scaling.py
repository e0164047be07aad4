"""Cost against size: threads, batches and folders."""

import os

from bench.companion import companion
from bench.figure import Figure, Series
from bench.ingest import ingest
from bench.our_server import model_flags, our_server
from bench.settings import PACKAGED_MODEL
from bench.stage import Stage

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
FOLDERS = (1_000, 4_000, 7_000)


async def scaling(stage: Stage) -> list[Figure]:
    """Measure the engine by batch size on one thread and on two, and ingestion by folder size."""
    return [
        await _batches(stage, "image"),
        await _batches(stage, "text"),
        *await _folders(stage),
    ]


async def _batches(stage: Stage, kind: str) -> Figure:
    pick = stage.settings.pick
    sizes = pick(BATCH_SIZES, BATCH_SIZES[:4:3])
    images = [str(path) for path in stage.materials.large_jpegs]
    series: dict[str, Series] = {}
    for threads in sorted({1, min(2, len(os.sched_getaffinity(0)))}):
        stage.say(f"  {kind}s, threads: {threads}")
        config = stage.engine_config(inference_threads=threads)
        async with companion("bench.engine") as engine:
            line = []
            for size in sizes:
                told = await engine.ask(
                    config=config, images=images, batch_size=size, seconds=pick(2, 0.5), kind=kind
                )
                line.append((float(size), 1000 / told["per_second"]))
        name = "1 thread" if threads == 1 else f"{threads} threads"
        series[name] = line
    costs = [cost for _, cost in line]
    return Figure(
        name=f"scaling_{kind}_batch",
        what=f"bare engine, ms a {kind}, batch of {sizes[-1]} against a batch of 1",
        ours=costs[-1],
        baseline=costs[0],
        unit="ms",
        against="batch of 1",
        value=costs[-1] / costs[0],
        value_unit="×",
        series=series,
    )


async def _folders(stage: Stage) -> list[Figure]:
    """Ingest folders with the packaged model, with which the pipeline's share is largest."""
    sizes = stage.settings.pick(FOLDERS, (100, 300))
    settings, materials = stage.settings, stage.materials
    flags = model_flags(settings, materials, model=PACKAGED_MODEL, precision="auto")
    costs, memory = [], []
    for size in sizes:
        stage.say(f"  a folder of {size}")
        # A new server for each folder, so that its memory peak belongs to this folder.
        async with our_server(*flags) as server:
            await ingest(server.address, materials.photographs(40), "warm_up")
            done = await ingest(server.address, materials.photographs(size), f"folder_{size}")
            costs.append((float(size), done.wall_s / done.written * 1000))
            memory.append((float(size), server.peak_bytes() / 10**6))
    last, first = f"folder of {sizes[-1]}", f"folder of {sizes[0]}"
    return [
        Figure(
            name=name,
            what=f"{what} ({PACKAGED_MODEL}), {last}",
            ours=line[-1][1],
            baseline=line[0][1],
            unit=unit,
            against=first,
            value=line[-1][1] / line[0][1],
            value_unit="×",
            series={PACKAGED_MODEL: line},
        )
        for name, what, unit, line in (
            ("scaling_folder", "`tihua ingest`, ms a picture", "ms", costs),
            ("scaling_folder_memory", "most memory of the server", "MB", memory),
        )
    ]
