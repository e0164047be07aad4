"""The `tihua` command: a thin layer of words and tables over `tihua.Client`.

One module a command (or group of commands). Each is imported when its command is used, so that
`tihua --help` and completion answer at once; what a command needs it therefore imports plainly.
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
from tihua.cli._command import Group
from tihua.cli._connection import DEFAULT_SETTINGS, connection_options
from tihua.cli._error_line import told

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

EXIT_INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells have it."""


@contextlib.contextmanager
def _one_line_for_a_wrong_value() -> Iterator[None]:
    """Let a wrong value be an error like others, and no misuse of the command."""
    try:
        yield
    except click.MissingParameter:
        raise
    except click.BadParameter as error:
        raise click.ClickException(one_line(error.format_message())) from error


class Root(Group):
    """The root of the commands, where every foreseen error becomes one line."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the options before the command, and those that variables give.

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
            raise click.ClickException(told(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # `| head`; click ends quietly on it
                raise
            where = f"{error.filename}: " if error.filename else ""
            message = f"{where}{error.strerror or error}"
            raise click.ClickException(one_line(message)) from error
        except KeyboardInterrupt:
            raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
        except click.Abort as error:  # an answer of no, or Ctrl-C instead of an answer
            if not isinstance(error.__context__, KeyboardInterrupt):
                raise
            click.echo(err=True)  # the question's line is not ended yet
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

    tihua speaks to a tihua-server. The options below may stand before or after the command.
    """
    ctx.obj = ctx.obj or DEFAULT_SETTINGS


root.params[:0] = connection_options(hidden=False)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line and exit; a second Ctrl-C does not wait for the end of the first."""
    # gRPC's core writes lines of its own to stderr; what they tell, our errors tell better.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and not ignored, by nohup
        signal.signal(signal.SIGINT, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding lacks is shown as its escape, and no crash.
            stream.reconfigure(errors="backslashreplace")
    root.main(prog_name="tihua")
