"""The `tihua` command: a thin layer of words and tables over `tihua.Client`.

Each command, or group of commands, has a module. It is imported when its command is used, so that
`tihua --help` and completion answer at once; command modules therefore import at the top.
"""

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

import click

import tihua
from tihua._printable import one_line
from tihua.cli._command import EXIT_INTERRUPTED, Group
from tihua.cli._connection import DEFAULT_SETTINGS, connection_options
from tihua.cli._error_line import error_line

COMMANDS = {
    "ingest": "Put a folder of pictures into a collection.",
    "search": "Find pictures by text, by picture, or by an item of the collection.",
    "embed": "Turn texts and pictures into embeddings.",
    "collections": "Create, show, name, reindex, copy, load, release and delete collections.",
    "items": "List, show, count, put and delete the items of a collection.",
    "status": "Show the server, its models, limits, store and collections.",
    "completion": "Print the script that completes tihua's commands in your shell.",
}
"""Every command, with the first sentence of its help."""


@contextlib.contextmanager
def _one_line_for_a_wrong_value() -> Iterator[None]:
    """Report a wrong value as one line, like other errors, without the usage of the command."""
    try:
        yield
    except click.MissingParameter:
        raise
    except click.BadParameter as error:
        raise click.ClickException(one_line(error.format_message())) from error


class Root(Group):
    """The root of the commands, which turns every expected error into one line."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the options before the command, and their environment variables.

        Raises:
            click.ClickException: a value is wrong.
        """
        with _one_line_for_a_wrong_value():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command.

        Raises:
            click.ClickException: the server, the request or a file is at fault.
            click.exceptions.Exit: the user pressed Ctrl-C.
        """
        try:
            with _one_line_for_a_wrong_value():
                return super().invoke(ctx)
        except tihua.TihuaError as error:
            raise click.ClickException(error_line(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # `| head`; click exits silently
                raise
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(one_line(f"{where}{error.strerror or error}")) from error
        except KeyboardInterrupt:
            raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
        except click.Abort as error:  # the answer was no, or Ctrl-C
            if not isinstance(error.__context__, KeyboardInterrupt):
                raise
            click.echo(err=True)  # end the line of the question
            raise click.exceptions.Exit(EXIT_INTERRUPTED) from None


@click.group(
    cls=Root,
    lazy=COMMANDS,
    examples=[
        "tihua ingest ~/Pictures",
        "tihua search 枯藤老树昏鸦",
        "tihua search --image query.jpg --sheet hits.png",
        "tihua --address gpu.example:50051 status",
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(tihua.__version__, prog_name="tihua")
@click.pass_context
def root(ctx: click.Context) -> None:
    """Type a line of a poem, find the picture.

    tihua speaks to a tihua-server. The options below may come before or after the command.
    """
    ctx.obj = ctx.obj or DEFAULT_SETTINGS


root.params[:0] = connection_options(hidden=False)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line and exit; a second Ctrl-C kills a process that is still cleaning up."""
    # gRPC's core logs to stderr; our errors say the same better.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored, as by nohup
        signal.signal(signal.SIGINT, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Show a character that the terminal's encoding lacks as its escape, instead of failing.
            stream.reconfigure(errors="backslashreplace")
    root.main(prog_name="tihua")
