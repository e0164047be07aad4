"""Writes hits as a contact sheet or a page, and opens it in the browser."""

import struct
import tempfile
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import click

from tihua._exhibit import Exhibit
from tihua._extras import SHEET
from tihua._page import page
from tihua._printable import printable


def require_sheet(path: Path) -> None:
    """Check that a contact sheet can be drawn and written.

    Raises:
        click.ClickException: Pillow or the fonts are not installed, or the suffix is not that of a
            format that Pillow writes.
    """
    try:
        from PIL import Image

        from tihua._font import Face

        Face("sans", 12)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"--sheet needs {error.name}; install it with: {SHEET}"
        ) from error
    if Image.registered_extensions().get(path.suffix.lower()) not in Image.SAVE:
        raise click.ClickException(
            printable(f"{path}: not the name of a picture; end it with .png")
        )


def write_sheet(path: Path, exhibits: Sequence[Exhibit], footer: str) -> None:
    """Write a contact sheet, in the format of the name's suffix.

    Raises:
        click.ClickException: the sheet is too large, or the format can't hold it.
        OSError: the file can't be written.
    """
    from tihua._sheet import SheetTooLargeError, draw_sheet

    try:
        sheet = draw_sheet(exhibits, footer=footer)
    except SheetTooLargeError as error:
        raise click.ClickException(f"{error}: use fewer queries or hits, or --page") from error
    try:
        sheet.save(path)
    except (OSError, ValueError, struct.error) as error:  # of Pillow's encoders
        if isinstance(error, OSError) and error.errno is not None:  # of the file system
            raise
        raise click.ClickException(
            printable(
                f"a sheet of {sheet.width}×{sheet.height} pixels can't be written as {path.suffix}:"
                " use .png, fewer queries or hits, or --page"
            )
        ) from error


def write_page(path: Path | None, exhibits: Sequence[Exhibit], footer: str) -> Path:
    """Write an HTML page, to a new temporary file if no path is given; return its path.

    Raises:
        OSError: the file can't be written.
    """
    text = page(exhibits, footer=footer)
    if path is None:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix="tihua-", suffix=".html", delete=False
        ) as file:
            file.write(text)
        return Path(file.name)
    path.write_text(text, encoding="utf-8")
    return path


def open_page(path: Path) -> None:
    """Open a page in the system's browser; if there is none, print the page's path."""
    if not webbrowser.open(path.resolve().as_uri()):
        click.echo(f"no browser found; the page is {printable(str(path))}", err=True)
