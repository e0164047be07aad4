"""`tihua embed`: texts and pictures into embeddings, nothing stored."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

import tihua
from tihua._printable import one_line
from tihua.cli._calls import calls
from tihua.cli._command import Command
from tihua.cli._connection import ConnectionSettings
from tihua.cli._cut import report_cut, shortened
from tihua.cli._parameters import model_option
from tihua.cli._printer import Column, Printer, Record, json_option, numbers
from tihua.cli._stdin import STDIN, PictureOption, picture_bytes, with_stdin

_SHOWN_NUMBERS = 6


def _beginning(value: object) -> str:
    if not isinstance(value, list):
        return ""
    return "  ".join(f"{number:+.4f}" for number in value[:_SHOWN_NUMBERS]) + "  …"


_COLUMNS = (
    Column("input"),
    Column("dim", justify="right"),
    Column("embedding", show=_beginning),
)


@click.command(
    "embed",
    cls=Command,
    examples=[
        "tihua embed 枯藤老树昏鸦 小桥流水人家",
        "tihua embed --image a.jpg --image b.png",
        "curl -s $URL | tihua embed --image -",
        "tihua embed - --json < lines.txt > embeddings.jsonl",
        "tihua embed 大漠孤烟直 --model ViT-B-16",
    ],
)
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option(
    "--image",
    "images",
    type=PictureOption(),
    metavar="FILE",
    multiple=True,
    help="A picture to embed; - reads it from stdin. Repeatable.",
)
@model_option
@json_option
@click.pass_obj
def command(
    connection: ConnectionSettings,
    texts: Sequence[str],
    *,
    images: Sequence[Path | bytes],
    model: str,
    as_json: bool,
) -> None:
    """Turn texts and pictures into embeddings.

    If TEXT is -, texts are read from stdin, one per line. More inputs than fit into one call are
    embedded with low priority. The table shows the first numbers of each embedding, --json all of
    them. Inputs that can't be embedded are reported with the reason, and the exit status is then 1.
    A text that is longer than the model reads (tihua status: tokens) is reported on stderr.
    """
    texts = with_stdin(texts)
    if not (texts or images):
        raise click.UsageError("nothing to embed: give TEXT or --image (see tihua embed --help)")
    failures: list[tihua.ItemError] = []
    with connection.client() as client:
        size = client.server_info().limits.max_batch_items
        records = _records(client, texts, images, model, size, failures)
        Printer(as_json=as_json).records(records, _COLUMNS)
    if failures:
        raise click.exceptions.Exit(1)


def _records(
    client: tihua.Client,
    texts: Sequence[str],
    images: Sequence[Path | bytes],
    model: str,
    size: int,
    failures: list[tihua.ItemError],
) -> Iterator[Record]:
    """Yield a record for each input that could be embedded; report the others on stderr."""
    pieces = [texts[start : start + size] for start in range(0, len(texts), size)]
    priority = _priority(pieces)
    for piece in pieces:
        result = client.embed_texts(piece, model=model, priority=priority)
        yield from _embedded(piece, result, failures)
    parts = list(calls(images, size, picture_bytes))
    priority = _priority(parts)
    for files in parts:
        result = client.embed_images(files, model=model, priority=priority)
        names = [str(file) if isinstance(file, Path) else STDIN for file in files]
        yield from _embedded(names, result, failures)


def _priority(parts: Sequence[object]) -> tihua.Priority:
    return "bulk" if len(parts) > 1 else "interactive"


def _embedded(
    names: Sequence[str], result: tihua.EmbedResult, failures: list[tihua.ItemError]
) -> Iterator[Record]:
    for error in result.errors:
        failures.append(error)
        click.echo(f"Error: {shortened(names[error.index])}: {one_line(error.message)}", err=True)
    for index in result.truncated_texts:
        report_cut(names[index])
    for name, embedding in zip(names, result.embeddings, strict=True):
        if embedding is not None:
            yield {
                "input": name,
                "model": result.model.id,
                "fingerprint": result.model.fingerprint,
                "dim": len(embedding),
                "embedding": numbers(embedding),
            }
