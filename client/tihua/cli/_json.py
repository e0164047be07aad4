"""JSON lines on stdout, for programs."""

import codecs
import sys

import click

from tihua._printable import json_line


def print_json(value: object) -> None:
    """Print a value as one line of JSON, in ASCII unless stdout is UTF-8.

    JSON is UTF-8 (RFC 8259, section 8.1), and a character that the encoding lacks would become an
    escape that JSON does not have.
    """
    click.echo(json_line(value, is_ascii=not _is_utf8(sys.stdout.encoding)))


def _is_utf8(encoding: str | None) -> bool:
    return encoding is not None and codecs.lookup(encoding).name == "utf-8"
