"""`python -m bench.gpu`: how close the vision tower comes to the GPU's peak, and what limits us.

Four figures stand beside each other: the GPU's own peak in a matrix product, the tower on pictures
that are on the GPU already, the engine with its copies to and from the GPU, and the server end to
end. Where one is far below the one before, the time is lost there.
"""

import asyncio
import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import click
import torch
from rich.console import Console

from bench.figure import Figure, at_least, plain_figure
from bench.gpu_load import SECONDS, EndToEnd, Rates, end_to_end_rates
from bench.gpu_tower import GpuTower, gemm_peak
from bench.machine import describe_machine
from bench.report import Report
from bench.settings import Settings
from bench.stage import Stage

MAX_BATCH_SIZE = 256
"""Largest batch of engine and server: fills any GPU with pictures of 224×224."""

CLOSE = 0.8
"""A stage is said to bound the server if the server reaches this share of that stage's rate."""

AIM_PERCENT = 50
"""Target of the tower, in percent of the measured peak."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--model", default="ViT-B-16", show_default=True, help="The model that is served.")
@click.option(
    "--materials",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out/bench"),
    show_default=True,
    help="Where weights and pictures are kept.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out"),
    show_default=True,
    help="Where bench-gpu.json and bench-gpu.md go.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=SECONDS,
    show_default=True,
    help="How long each kind of call is measured.",
)
def main(*, model: str, materials: Path, out: Path, seconds: float) -> None:
    """Measure the vision tower, the engine and the server on the first CUDA device."""
    if not torch.cuda.is_available():
        raise click.ClickException(
            f"torch {torch.__version__} sees no CUDA device; run this on a machine with a GPU of"
            " NVIDIA's, and with a build of torch that is made for CUDA"
        )
    settings = Settings(
        model=model,
        engine="torch",
        precision="bf16",
        rounds=3,
        is_quick=False,
        materials=materials,
        photographs=None,
    )
    console = Console(stderr=True)
    stage = Stage(settings, console)
    date = dt.datetime.now(tz=dt.UTC).date().isoformat()
    machine = {"GPU": torch.cuda.get_device_name(), "CUDA": str(torch.version.cuda)}
    report = Report(
        {"date": date, "model": model, "precision": "bf16", "max_batch_size": MAX_BATCH_SIZE},
        machine | describe_machine(),
        name="bench-gpu",
    )
    report.figures["gpu"] = figures = measure(stage, torch.device("cuda:0"))
    # Written now, in case the server fails.
    report.write(out)
    # The server needs the memory that the tower had.
    torch.cuda.empty_cache()
    flags = ("--device", "cuda", "--max-batch-size", str(MAX_BATCH_SIZE))
    rates = asyncio.run(end_to_end_rates(stage, *flags, seconds=seconds))
    report.figures["gpu"] = [*figures, *_end_to_end(figures, rates)]
    report.write(out)
    Console().print(report.table())


def measure(
    stage: Stage,
    device: torch.device,
    *,
    gemm_sides: Sequence[int] = (4096, 8192, 16384),
    batch_sizes: Sequence[int] = (1, 8, 32, 64, 128, MAX_BATCH_SIZE),
) -> list[Figure]:
    """Return the figures of the GPU alone: peak, tower, engine.

    Args:
        stage: with the model's weights.
        device: the GPU.
        gemm_sides: sides of the square matrices whose product is the peak; the best counts.
        batch_sizes: numbers of pictures or texts; the best counts.
    """
    stage.say("measuring the peak")
    peak = gemm_peak(device, gemm_sides)
    stage.say("loading the model")
    tower = GpuTower(
        stage.settings.model,
        stage.materials.weights(stage.settings.model),
        device,
        max_batch_size=max(batch_sizes),
    )
    stage.say("measuring the tower and the engine")
    bare = {size: tower.bare_images_per_second(size) for size in batch_sizes}
    images = {size: tower.images_per_second(size) for size in batch_sizes}
    texts = {size: tower.texts_per_second(size) for size in batch_sizes}
    reached = max(bare.values()) * tower.flops_per_image
    return [
        plain_figure("gpu_gemm_peak", "bf16 matrix product", rounds=[peak / 1e12], unit="TFLOP/s"),
        Figure(
            name="gpu_tower_share",
            what=f"vision tower, {tower.flops_per_image / 1e9:.1f} GFLOP a picture, of that peak",
            ours=reached / 1e12,
            baseline=peak / 1e12,
            unit="TFLOP/s",
            against="bf16 matrix product",
            value=reached / peak * 100,
            value_unit="%",
            target=at_least(AIM_PERCENT),
        ),
        _by_batch("gpu_tower", "vision tower on pixels on the GPU", bare, "images/s"),
        _by_batch("gpu_engine_images", "engine, copies and norms included", images, "images/s"),
        _by_batch("gpu_engine_texts", "engine, short queries", texts, "texts/s"),
    ]


def _by_batch(name: str, what: str, rates: dict[int, float], unit: str) -> Figure:
    best = max(rates, key=lambda size: rates[size])
    return plain_figure(
        name,
        f"{what}, best at a batch of {best}",
        rounds=[rates[best]],
        unit=unit,
        details={f"batch of {size}": rate for size, rate in rates.items()},
    )


def _end_to_end(figures: Sequence[Figure], rates: Rates) -> list[Figure]:
    """Return the server's figures, and which stage bounds them."""
    [engine] = [figure.ours for figure in figures if figure.name == "gpu_engine_images"]
    stages = {
        "decoding JPEGs": rates.decoded,
        "gRPC and the service (its rate on pixels)": rates.pixels.rate,
        "the engine": engine,
    }
    least = min(stages, key=lambda name: stages[name])
    is_bound = rates.jpegs.rate >= CLOSE * stages[least]
    bound = f"bound by {least}" if is_bound else "bound by none of its stages alone"
    return [
        plain_figure(
            "gpu_decode",
            "JPEGs of 1024×1024 decoded by all cores",
            rounds=[rates.decoded],
            unit="images/s",
        ),
        plain_figure(
            "gpu_pixels",
            "EmbedImage, pixels of 224×224",
            rounds=[rates.pixels.rate],
            unit="images/s",
            note=_cores(rates.pixels),
        ),
        plain_figure(
            "gpu_jpegs",
            "EmbedImage, JPEGs of 1024×1024",
            rounds=[rates.jpegs.rate],
            unit="images/s",
            details=stages,
            note=f"{bound}; {_cores(rates.jpegs)}",
        ),
        plain_figure(
            "gpu_texts",
            "EmbedText, short queries",
            rounds=[rates.texts.rate],
            unit="texts/s",
            note=_cores(rates.texts),
        ),
    ]


def _cores(call: EndToEnd) -> str:
    return (
        f"{call.server_cores:.1f} cores busy in the server, {call.client_cores:.1f} in the client"
    )


if __name__ == "__main__":
    main()
