"""How close each engine and precision comes to torch in fp32, by cosine."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from processes import ServerFailed
from tihua_server.types import FloatArray

from bench.figure import Figure, at_least
from bench.materials import QUERIES, gallery, read_all
from bench.our_server import OurServer, model_flags, our_server
from bench.settings import PACKAGED_MODEL
from bench.stage import Stage, noting, refusal_of

T = TypeVar("T")

NOUNS = Path(__file__).parents[1] / "nouns.tsv"
AT_ONCE = 32
BOUNDS = {"fp32": 0.9999, "bf16": 0.9995, "int8": 0.99}
ENGINES = (("openvino", "fp32"), ("openvino", "bf16"), ("openvino", "int8"), ("torch", "bf16"))
REFERENCE = ("torch", "fp32")


async def accuracy(stage: Stage) -> list[Figure]:
    """Embed 200 pictures and 200 texts with each, with random and with trained weights."""
    count = stage.settings.pick(200, 16)
    images = read_all(gallery()[:: len(gallery()) // count][:count])
    texts = _texts(count)
    figures = []
    refusals = []
    for model in (PACKAGED_MODEL, stage.settings.torch_model):
        reference = await _embed(stage, model, REFERENCE, images, texts)
        for engine, precision in ENGINES:
            name = f"accuracy_{model}_{engine}_{precision}"
            try:
                rows = await _embed(stage, model, (engine, precision), images, texts)
            except ServerFailed as error:
                # An engine refuses a precision in which the model's embeddings would stray too far.
                reason = refusal_of(error)
                stage.say(f"  not served: {reason}")
                refusals.append(f"{model}: {engine} {precision} is not served: {reason}")
                continue
            figures.append(_figure(name, model, (engine, precision), rows, reference))
    return noting(refusals, figures)


def _figure(
    name: str,
    model: str,
    engine: tuple[str, str],
    rows: dict[str, FloatArray],
    reference: dict[str, FloatArray],
) -> Figure:
    cosines = {kind: np.sum(rows[kind] * reference[kind], axis=1) for kind in rows}
    lowest = {f"lowest, {kind}": float(values.min()) for kind, values in cosines.items()}
    mean = {f"mean, {kind}": float(values.mean()) for kind, values in cosines.items()}
    worst = min(lowest.values())
    return Figure(
        name=name,
        what=f"{model}: {' '.join(engine)} against {' '.join(REFERENCE)}, lowest cosine",
        ours=worst,
        unit="cosine",
        value=worst,
        value_unit="cosine",
        target=at_least(BOUNDS[engine[1]], ideal=1.0),
        details=lowest | mean,
        rounds=[(worst, None)],
    )


async def _embed(
    stage: Stage,
    model: str,
    engine: tuple[str, str],
    images: Sequence[bytes],
    texts: Sequence[str],
) -> dict[str, FloatArray]:
    stage.say(f"  {model}, {' '.join(engine)}")
    flags = model_flags(
        stage.settings, stage.materials, model=model, engine=engine[0], precision=engine[1]
    )
    async with our_server(*flags) as server:
        return await _rows(server, images, texts)


async def _rows(
    server: OurServer, images: Sequence[bytes], texts: Sequence[str]
) -> dict[str, FloatArray]:
    async def all_of(call: Callable[[T], Awaitable[bytes]], inputs: Sequence[T]) -> FloatArray:
        remaining, rows = iter(inputs), []
        while some := list(islice(remaining, AT_ONCE)):
            rows += await asyncio.gather(*(call(value) for value in some))
        return np.stack([np.frombuffer(row, "<f4") for row in rows])

    return {
        "pictures": await all_of(server.embed_image, images),
        "texts": await all_of(server.embed_text, texts),
    }


def _texts(count: int) -> list[str]:
    lines = NOUNS.read_text(encoding="utf-8").splitlines()[1:]
    nouns = [line.split("\t")[0] for line in lines]
    every = [*QUERIES, *nouns, *(f"一张{noun}的照片" for noun in nouns)]
    return every[:count]
