"""Texts that are shown, or read by the model, only in part: their beginning."""

import click

from tihua._printable import one_line

MAX_NAME_CHARS = 40
"""Maximum characters of a text that a line on stderr quotes."""


def shortened(text: str) -> str:
    """Return the beginning of an input, to name it in a message."""
    line = one_line(text)
    if len(line) > MAX_NAME_CHARS:
        line = line[:MAX_NAME_CHARS] + "…"
    return line or "empty input"


def report_cut(text: str) -> None:
    """Print on stderr that the model read only the beginning of a text."""
    message = "the model reads only its beginning (the limit: tihua status, column tokens)"
    click.echo(f"too long: {shortened(text)}: {message}", err=True)
