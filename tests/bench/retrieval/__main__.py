"""Measures retrieval through a running service: `make eval`."""

import asyncio
import functools
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from processes import ServerFailed, running
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tihua import TihuaError
from tihua_server.training.retrieval import RetrievalTask

from bench.retrieval.outcome import Run, Skipped, losers
from bench.retrieval.rank import NotFoundInGallery
from bench.retrieval.report import as_table, write_report
from bench.retrieval.service import IncompleteGalleryError, measure
from bench.retrieval.tasks import KINDS, tasks_of

PASSED = ("model", "model_path", "model_dir", "device", "engine")
"""Options that are passed to the server unchanged; each precision is passed to its own server."""

START_TIMEOUT_S = 900
"""Of a server, which may convert a large model and calibrate int8 before it serves."""

PIPE_WIDTH = 140
"""Width of the table, in characters, if the output is not a terminal."""


@click.command()
@click.option("--server", metavar="HOST:PORT", help="A running service, instead of starting one.")
@click.option("--model", help="For the server, like the next four.")
@click.option("--model-path", help="A checkpoint of that model.")
@click.option("--model-dir", help="Where fetched and converted models are kept.")
@click.option("--device", help="auto, cpu or cuda:N.")
@click.option("--engine", help="auto, torch or openvino.")
@click.option(
    "--precision", "precisions", multiple=True, help="May be given again: each is measured."
)
@click.option(
    "--only", multiple=True, type=click.Choice(KINDS), help="May be given again; all without it."
)
@click.option(
    "--photographs",
    type=click.Path(path_type=Path),
    default=Path("../shared/data/flickr8kcn-160.tar"),
    show_default=True,
    help="Flickr8k-CN: a folder or tar archive with captions.tsv and val/.",
)
@click.option(
    "--emoji",
    type=click.Path(path_type=Path),
    default=Path("out/eval/node_modules"),
    show_default=True,
    help="npm packages with the emoji; fetched when they are not there.",
)
@click.option("--in-flight", type=click.IntRange(min=1), default=32, show_default=True)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out"),
    show_default=True,
    help="Where eval.json and eval.md go.",
)
@click.pass_context
def main(
    context: click.Context,
    /,
    *,
    server: str | None,
    precisions: tuple[str, ...],
    only: tuple[str, ...],
    photographs: Path,
    emoji: Path,
    in_flight: int,
    out: Path,
    **passed: str | None,
) -> None:
    """Ingest galleries, search them, and report how often a fitting picture is found.

    \b
    Examples:
      make eval
      make eval PRECISIONS="fp32 bf16 int8"
      make eval FLAGS="--model ViT-B-16 --model-path clip_cn_vit-b-16.pt"
      make eval FLAGS="--server localhost:50051 --only nouns"
    """  # noqa: D301  # click wants the backspace itself
    flags = [
        word
        for name in PASSED
        if (value := passed[name]) is not None
        for word in ("--" + name.replace("_", "-"), value)
    ]
    if server is not None and (flags or precisions):
        raise click.UsageError("a running --server has its model already: leave out its options")
    tell = functools.partial(click.echo, err=True)
    found = list(tasks_of(only or KINDS, photographs=photographs, node_modules=emoji, tell=tell))
    skipped = [one for one in found if isinstance(one, Skipped)]
    tasks = [one for one in found if not isinstance(one, Skipped)]
    for one in skipped:
        click.echo(f"left out: {one.name}: {one.reason}", err=True)
    if not tasks:
        raise click.ClickException("there is nothing to measure")
    runs: list[Run] = []
    try:
        for precision in precisions or (None,):
            try:
                with _serving(server, flags, precision) as address:
                    runs.append(_measure(address, tasks, in_flight))
            except ServerFailed as error:
                reason = " ".join(str(error).split())
                skipped.append(Skipped(f"precision {precision or 'auto'}", reason))
                click.echo(error, err=True)
            else:
                write_report(out, runs, skipped)
    except (TihuaError, IncompleteGalleryError, NotFoundInGallery, OSError) as error:
        raise click.ClickException(str(error)) from error
    if not runs:
        raise click.ClickException("no server could be started")
    write_report(out, runs, skipped)
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(as_table(runs))
    click.echo(f"{out / 'eval.md'} and {out / 'eval.json'} have it too")
    for line in losers(runs):
        click.echo(line, err=True)
    context.exit(1 if losers(runs) else 0)


@contextmanager
def _serving(server: str | None, flags: list[str], precision: str | None) -> Iterator[str]:
    """Start a server with a precision, unless one is given; yield the address."""
    if server is not None:
        yield server
        return
    chosen = [] if precision is None else ["--precision", precision]
    with (
        tempfile.TemporaryDirectory(prefix="tihua-eval-") as data_dir,
        running(Path(data_dir), *flags, *chosen, start_timeout_s=START_TIMEOUT_S) as process,
    ):
        yield process.address


def _measure(address: str, tasks: list[RetrievalTask], in_flight: int) -> Run:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        return asyncio.run(measure(address, tasks, progress, in_flight=in_flight))


if __name__ == "__main__":
    main()
