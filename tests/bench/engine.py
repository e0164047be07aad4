"""The server's own model without the service around it: the best that the engine can do."""

import functools
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from tihua_server.clip.loading import load_encoder
from tihua_server.config import Config
from tihua_server.errors import ConfigError, PrecisionTooLow
from tihua_server.images import decode_image
from tihua_server.types import Encoder, PixelArray

from bench.companion import Refusal, answer
from bench.materials import QUERIES

WARM_UP_BATCHES = 2


def reply(
    *,
    config: dict[str, Any],
    images: Sequence[str] = (),
    batch_size: int = 1,
    seconds: float = 0,
    kind: str = "image",
) -> dict[str, float | str]:
    """Return how many inputs, already pixels or tokens, the model computes a second.

    Args:
        config: fields of `Config`.
        images: paths of pictures, which are decoded before the clock runs.
        batch_size: number of inputs in a batch.
        seconds: how long to measure; 0 only loads the model.
        kind: `image` or `text`.

    Raises:
        Refusal: the engine can't compute the model in that precision here.
    """
    try:
        encoder = _loaded(tuple(sorted(config.items())))
    except (ConfigError, PrecisionTooLow) as error:
        raise Refusal(error.message) from error
    rate = 0.0
    if seconds and kind == "image":
        pixels = _decoded(encoder.info.image_size, tuple(images))
        batch = [pixels[number % len(pixels)] for number in range(batch_size)]
        rate = batches_per_second(
            lambda: encoder.encode_images(batch), encoder.image_streams, seconds
        )
    elif seconds:
        tokens = [encoder.tokenize(query).ids for query in QUERIES]
        texts = [tokens[number % len(tokens)] for number in range(batch_size)]
        rate = batches_per_second(lambda: encoder.encode_texts(texts), 1, seconds)
    return {
        "per_second": rate * batch_size,
        "engine": encoder.info.engine,
        "precision": encoder.info.precision,
        "device": encoder.info.device,
        "streams": encoder.image_streams,
    }


def batches_per_second(compute: Callable[[], object], streams: int, seconds: float) -> float:
    """Return how many batches a second `streams` threads compute together, without a pause."""
    # OpenVINO's first use must not be by two threads at once.
    for _ in range(WARM_UP_BATCHES):
        compute()
    counts = [0] * max(streams, 1)
    begin = threading.Barrier(len(counts) + 1)
    end_s = float("inf")

    def work(number: int) -> None:
        begin.wait()
        while perf_counter() < end_s:
            compute()
            counts[number] += 1

    workers = [threading.Thread(target=work, args=[number]) for number in range(len(counts))]
    for worker in workers:
        worker.start()
    start_s = perf_counter()
    end_s = start_s + seconds
    begin.wait()
    for worker in workers:
        worker.join()
    return sum(counts) / (perf_counter() - start_s)


@functools.cache
def _loaded(config: tuple[tuple[str, Any], ...]) -> Encoder:
    fields = dict(config)
    for name in ("model_path", "model_dir"):
        if fields.get(name):
            fields[name] = Path(fields[name])
    return load_encoder(Config(**fields))


@functools.cache
def _decoded(size: int, images: tuple[str, ...]) -> list[PixelArray]:
    return [decode_image(Path(path).read_bytes(), size, max_pixels=10**8) for path in images]


if __name__ == "__main__":
    answer(reply)
