"""Errors of a training that the user can fix, reported in one line."""

import contextlib
from collections.abc import Iterator

import click

from tihua_server.errors import ConfigError, ServiceError

EXIT_INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as in shells."""


class TrainingError(Exception):
    """A training can't start or continue; the message tells the user how to fix it."""


@contextlib.contextmanager
def errors_in_one_line(*, memory_advice: str) -> Iterator[None]:
    """Turn errors that the user can fix into click's, and Ctrl-C into an exit status.

    Args:
        memory_advice: advice if memory runs out.

    Raises:
        click.ClickException: in place of such an error.
        click.exceptions.Exit: Ctrl-C was pressed.
    """
    try:
        yield
    except KeyboardInterrupt:
        click.echo(
            "stopped; the same command continues after the last epoch that was kept", err=True
        )
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    except (TrainingError, ConfigError, ServiceError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except (MemoryError, RuntimeError) as error:
        if not ran_out_of_memory(error):
            raise
        raise click.ClickException(f"memory ran out: {memory_advice}") from error


def ran_out_of_memory(error: Exception) -> bool:
    """Return whether the error means that memory ran out, on this machine or on a GPU."""
    # torch has an exception class for it only on a GPU, and that is a RuntimeError too.
    said = str(error)
    return isinstance(error, MemoryError) or "out of memory" in said or "allocate memory" in said
