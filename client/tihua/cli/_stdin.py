"""`-` as an argument: the lines of stdin or, for a picture, its bytes."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

STDIN = "stdin"
"""The name of a picture from stdin in messages."""

_IS_READ = "tihua.cli.stdin"


class PictureOption(click.Path):
    """The path of a picture; `-` means the bytes of a picture on stdin."""

    def __init__(self) -> None:
        """Accept only existing files."""
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or the bytes of stdin."""
        if value != "-":
            return super().convert(value, param, ctx)
        if ctx is not None and ctx.resilient_parsing:  # the shell asks for completions
            return b""
        _require_unread()
        return sys.stdin.buffer.read()


def picture_bytes(image: Path | bytes) -> int:
    """Return how many bytes of a picture are sent.

    Raises:
        OSError: the file is gone.
    """
    return image.stat().st_size if isinstance(image, Path) else len(image)


def with_stdin(values: Sequence[str]) -> list[str]:
    """Return the values, each `-` among them replaced by the lines of stdin that are not blank.

    Raises:
        click.UsageError: another `-` of the command has read stdin.
        click.ClickException: a line is not UTF-8.
    """
    texts: list[str] = []
    for value in values:
        if value == "-":
            texts.extend(_lines())
        else:
            texts.append(value)
    return texts


def _lines() -> Iterator[str]:
    _require_unread()
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise click.ClickException(f"line {number} of stdin is not valid UTF-8") from error
        if text.strip():
            yield text


def _require_unread() -> None:
    """Refuse a second `-` of a command, which would read nothing."""
    read = click.get_current_context().meta
    if read.get(_IS_READ):
        raise click.UsageError(
            "- stands for stdin, which can be read once: give it once, and paths or texts"
        )
    read[_IS_READ] = True
