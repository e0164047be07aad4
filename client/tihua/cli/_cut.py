"""A text that is shown, or that the model reads, only as far as its beginning."""

import click

from tihua._printable import one_line

MAX_NAME_CHARS = 40
"""How much of a text a line on stderr repeats."""


def shortened(text: str) -> str:
    """Return what names an input in a message: its beginning."""
    line = one_line(text)
    if len(line) > MAX_NAME_CHARS:
        line = line[:MAX_NAME_CHARS] + "…"
    return line or "empty input"


def tell_cut(text: str) -> None:
    """Tell on stderr that the model read only the beginning of a text."""
    message = "longer than the model reads, so only its beginning counts (tihua status: tokens)"
    click.echo(f"cut: {shortened(text)}: {message}", err=True)
