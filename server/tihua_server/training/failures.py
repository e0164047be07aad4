"""What goes wrong in a training and can be mended by whoever started it, as one line."""

import contextlib
from collections.abc import Iterator

import click

from tihua_server.errors import ConfigError, ServiceError

EXIT_INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells have it."""


class TrainingError(Exception):
    """A training can't begin or go on, and whoever started it can mend that; its text says how."""


@contextlib.contextmanager
def told_in_a_line(*, where_memory_runs_out: str) -> Iterator[None]:
    """Turn errors that say what to do into click's, and Ctrl-C into an exit status.

    Args:
        where_memory_runs_out: what to do then.

    Raises:
        click.ClickException: in place of them.
        click.exceptions.Exit: Ctrl-C was pressed.
    """
    try:
        yield
    except KeyboardInterrupt:
        click.echo("stopped; the same command goes on after the last epoch that was kept", err=True)
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    except (TrainingError, ConfigError, ServiceError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except (MemoryError, RuntimeError) as error:
        if not ran_out_of_memory(error):
            raise
        raise click.ClickException(f"memory ran out: {where_memory_runs_out}") from error


def ran_out_of_memory(error: Exception) -> bool:
    """Return whether memory ran out, of this machine or of a GPU."""
    # torch has an error of its own on a GPU alone, and that is a RuntimeError too.
    said = str(error)
    return isinstance(error, MemoryError) or "out of memory" in said or "allocate memory" in said
