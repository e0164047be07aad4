"""The server on a GPU end to end, and the stages before the model by themselves."""

import os
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import TypeVar

from tihua_server.clip.resizing import resize
from tihua_server.images import decode_image

from bench.load import drive, lasting
from bench.materials import QUERIES, read_all
from bench.our_server import OurServer, model_flags, our_server
from bench.stage import Stage

IN_FLIGHT = 512
"""Two batches: one is computed while the next fills."""

SECONDS = 10.0
SIDE_PX = 224
"""Side of the pictures that are sent as pixels."""

MAX_PIXELS = 10**8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """One kind of call.

    Attributes:
        rate: calls a second.
        server_cores, client_cores: cores that the two processes kept busy; the client is a single
            process.
    """

    rate: float
    server_cores: float
    client_cores: float


@dataclass(frozen=True, slots=True)
class Rates:
    """The rate of each stage, a second.

    Attributes:
        decoded: JPEGs of 1024×1024 that all cores decode and resize.
        pixels: pictures of 224×224 by EmbedImage, sent as pixels: nothing to decode.
        jpegs: JPEGs of 1024×1024 by EmbedImage.
        texts: short queries by EmbedText.
    """

    decoded: float
    pixels: EndToEnd
    jpegs: EndToEnd
    texts: EndToEnd


async def end_to_end_rates(stage: Stage, *flags: str, seconds: float = SECONDS) -> Rates:
    """Measure a server with the stage's model, for `seconds` with each kind of call.

    Args:
        stage: with the model's weights.
        flags: flags of the server, besides those that choose the model.
        seconds: duration of each measurement.
    """
    jpegs = read_all(stage.materials.large_jpegs)
    stage.say("decoding")
    decoded = _decoded_per_second(jpegs, seconds)
    pixels = [decode_image(jpeg, SIDE_PX, max_pixels=MAX_PIXELS) for jpeg in jpegs]
    stage.say("starting tihua-server")
    async with our_server(*model_flags(stage.settings, stage.materials), *flags) as server:
        stage.say("measuring it end to end")
        return Rates(
            decoded=decoded,
            pixels=await _measured(server, server.embed_pixels, pixels, seconds),
            jpegs=await _measured(server, server.embed_image, jpegs, seconds),
            texts=await _measured(server, server.embed_text, QUERIES, seconds),
        )


async def _measured(
    server: OurServer,
    call: Callable[[T], Awaitable[object]],
    inputs: Sequence[T],
    seconds: float,
) -> EndToEnd:
    server_s, client_s = server.cpu_seconds(), process_time()
    load = await drive(call, lasting(seconds, inputs), in_flight=IN_FLIGHT)
    return EndToEnd(
        rate=load.rate,
        server_cores=(server.cpu_seconds() - server_s) / load.seconds,
        client_cores=(process_time() - client_s) / load.seconds,
    )


def _decoded_per_second(jpegs: list[bytes], seconds: float) -> float:
    def work(_: int) -> int:
        chosen = lasting(seconds, jpegs)
        return sum(
            decode_image(jpeg, SIDE_PX, max_pixels=MAX_PIXELS, resize=resize) is not None
            for jpeg in chosen
        )

    cores = len(os.sched_getaffinity(0))
    start_s = perf_counter()
    with ThreadPoolExecutor(cores) as threads:
        done = sum(threads.map(work, range(cores)))
    return done / (perf_counter() - start_s)
