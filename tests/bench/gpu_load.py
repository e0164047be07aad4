"""The server on a GPU end to end, and the stages before the model by themselves."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

from tihua_server.images import decode_image

from bench.load import drive, lasting
from bench.materials import QUERIES, read_all
from bench.our_server import OurServer, model_flags, our_server
from bench.stage import Stage

IN_FLIGHT = 512
"""Two batches: one computes while the next gathers."""

SECONDS = 10.0
SIDE_PX = 224
"""Of pictures that are sent as pixels."""

MAX_PIXELS = 10**8


@dataclass(frozen=True, slots=True)
class Rates:
    """What each stage can do, a second.

    Attributes:
        decoded: JPEGs of 1024×1024 that all cores decode and resize.
        pixels: pictures of 224×224 by EmbedImage, sent as pixels: nothing to decode.
        jpegs: JPEGs of 1024×1024 by EmbedImage.
        texts: short queries by EmbedText.
    """

    decoded: float
    pixels: float
    jpegs: float
    texts: float


async def end_to_end_rates(stage: Stage, *flags: str, seconds: float = SECONDS) -> Rates:
    """Measure a server with the stage's model, each kind of call for so many seconds.

    Args:
        stage: with the model's weights.
        flags: of the server, besides those that choose the model.
        seconds: of each measurement.
    """
    jpegs = read_all(stage.materials.large_jpegs)
    stage.say("decoding")
    decoded = _decoded_per_second(jpegs, seconds)
    stage.say("starting tihua-server")
    async with our_server(*model_flags(stage.settings, stage.materials), *flags) as server:
        stage.say("measuring it end to end")
        return Rates(
            decoded=decoded,
            pixels=await _pixels_per_second(server, jpegs, seconds),
            jpegs=(
                await drive(server.embed_image, lasting(seconds, jpegs), in_flight=IN_FLIGHT)
            ).rate,
            texts=(
                await drive(server.embed_text, lasting(seconds, QUERIES), in_flight=IN_FLIGHT)
            ).rate,
        )


async def _pixels_per_second(server: OurServer, jpegs: list[bytes], seconds: float) -> float:
    pixels = [decode_image(jpeg, SIDE_PX, max_pixels=MAX_PIXELS) for jpeg in jpegs]
    load = await drive(server.embed_pixels, lasting(seconds, pixels), in_flight=IN_FLIGHT)
    return load.rate


def _decoded_per_second(jpegs: list[bytes], seconds: float) -> float:
    def work(_: int) -> int:
        chosen = lasting(seconds, jpegs)
        return sum(
            decode_image(jpeg, SIDE_PX, max_pixels=MAX_PIXELS) is not None for jpeg in chosen
        )

    cores = len(os.sched_getaffinity(0))
    start_s = perf_counter()
    with ThreadPoolExecutor(cores) as threads:
        done = sum(threads.map(work, range(cores)))
    return done / (perf_counter() - start_s)
