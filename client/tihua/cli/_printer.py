"""The output of commands: an aligned table, or one JSON object a line."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tihua._printable import json_line, printable
from tihua.cli._json import print_json

Record: TypeAlias = Mapping[str, object]
"""JSON values by name, to be printed."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per line."
)

_UNLIMITED_WIDTH = 100_000
"""Width of a file or a pipe, in characters: they have no edge to fold at."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        key: the name of the value in a record.
        header: the heading; empty means the key.
        justify: the alignment of the values.
        style: the style of the values, as in rich.
        show: turns a value into text; None means `shown`.
    """

    key: str
    header: str = ""
    justify: Literal["left", "right"] = "left"
    style: str = ""
    show: Callable[[object], str] | None = None


class Printer:
    """Prints records to stdout."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        console = Console(highlight=False, markup=False, emoji=False)
        if not console.is_terminal:
            console.width = _UNLIMITED_WIDTH
        self._console = console

    def records(self, records: Iterable[Record], columns: Sequence[Column]) -> None:
        """Print many records: a row each, or a JSON object each as soon as it is available."""
        if self.as_json:
            for record in records:
                print_json(record)
            return
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
        for column in columns:
            table.add_column(
                Text(column.header or column.key),
                justify=column.justify,
                style=column.style,
                overflow="fold",
                no_wrap=column.justify == "right",
            )
        for record in records:
            table.add_row(*(_cell(column, record) for column in columns))
        if table.row_count:
            self._print(table)

    def record(self, record: Record) -> None:
        """Print one record: a line for each of its values, or one JSON object."""
        if self.as_json:
            print_json(record)
            return
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for key, value in record.items():
            table.add_row(Text(key), Text(shown(value)))
        self._print(table)

    def title(self, text: str) -> None:
        """Print a line above a table; none in JSON."""
        if not self.as_json:
            self._print(Text(printable(text), style="bold"))

    def line(self, text: str = "") -> None:
        """Print a line for people; none in JSON."""
        if not self.as_json:
            self._print(Text(printable(text)))

    def _print(self, renderable: Table | Text) -> None:
        with self._console.capture() as capture:
            self._console.print(renderable)
        # Without the padding, lines are easier to copy.
        for line in capture.get().splitlines():
            click.echo(line.rstrip())


def shown(value: object) -> str:
    """Return a JSON value as text for people."""
    if value is None or value in ("", {}, []):
        return "–"
    match value:
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:.4f}"
        case int():
            text = f"{value:,}".replace(",", " ")
        case Mapping() | list() | tuple():
            text = json_line(value)
        case _:
            text = printable(str(value))
    return text


def _cell(column: Column, record: Record) -> Text:
    show = column.show or shown
    return Text(show(record.get(column.key)))


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 item`, `2 items`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def numbers(embedding: Iterable[float]) -> list[float]:
    """Return float32 numbers with as many digits as distinguish them (9, IEEE 754)."""
    return [float(f"{number:.9g}") for number in embedding]
