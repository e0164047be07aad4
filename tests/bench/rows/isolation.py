"""One broken picture among good ones in flight: how many good ones are lost."""

import asyncio
import contextlib
import os

from bench.contender import Contender, Refused
from bench.figure import Figure, at_most
from bench.materials import small_jpegs
from bench.peers.mosec import mosec
from bench.stage import Stage

IN_FLIGHT = 8


async def isolation(stage: Stage) -> list[Figure]:
    """Send eight pictures at once, one of them truncated, fifty times; count refused good ones."""
    times = stage.settings.pick(50, 10)
    images = small_jpegs(IN_FLIGHT)
    model = stage.settings.torch_model
    weights = stage.materials.weights(model)
    cores = len(os.sched_getaffinity(0))
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(stage.server())
        ours = await _lost(server, images, times)
        stage.say("  starting mosec")
        started = mosec(model, weights, threads=cores, workers=1, example=images[0])
        theirs = await _lost(await stack.enter_async_context(started), images, times)
    good = times * (IN_FLIGHT - 1)
    return [
        Figure(
            name="isolation",
            what=f"good pictures lost of {good}, each beside a broken one ({IN_FLIGHT} in flight)",
            ours=ours,
            baseline=theirs,
            unit="lost",
            against="mosec",
            value=ours,
            value_unit="lost",
            target=at_most(0),
            rounds=[(ours, theirs)],
            note="mosec decodes within its batch; a stage before it, of batches of one, would "
            "isolate a broken file there, and pixels would travel between processes",
        )
    ]


async def _lost(contender: Contender, images: list[bytes], times: int) -> int:
    lost = 0
    for number in range(times):
        broken = number % len(images)
        sent = [
            image[: len(image) // 2] if place == broken else image
            for place, image in enumerate(images)
        ]
        outcomes = await asyncio.gather(*(_is_embedded(contender, image) for image in sent))
        if outcomes.pop(broken):
            raise ValueError(f"{contender.name} took half a JPEG for a picture")
        lost += outcomes.count(False)
    return lost


async def _is_embedded(contender: Contender, image: bytes) -> bool:
    try:
        await contender.embed_image(image)
    except Refused:
        return False
    return True
