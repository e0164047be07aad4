"""The output of a long command as it runs: failures, waiting for a server, progress."""

import contextlib
from collections.abc import Iterator
from typing import Protocol

import click

import tihua
from tihua._foreign_name import legible
from tihua._printable import one_line
from tihua._reconnect import Reconnect
from tihua.cli._command import EXIT_INTERRUPTED
from tihua.cli._error_line import error_line
from tihua.cli._json import print_json
from tihua.cli._progress import ProgressView

RECONNECT_TIMEOUT_S = 60.0
"""How long to wait for a server that went away, or has not started yet, in seconds."""

PASSING = (tihua.UnavailableError, tihua.OverloadedError, tihua.DeadlineError)
"""Errors after which a command can be run again to continue, as it is."""


def arrival() -> Reconnect:
    """Return the retry policy of a first call, to a server that may still be starting."""

    def report(error: tihua.TihuaError) -> None:
        # Most often it starts at this moment: what else may be wrong is told at the end.
        obstacle, _, _ = error_line(error).rstrip(".").partition("; start one with ")
        click.echo(f"{obstacle}; {_until()}", err=True)

    return Reconnect(RECONNECT_TIMEOUT_S, on_break=report)


class Failure(Protocol):
    """A file that can't be sent, or an item that a server refused."""

    @property
    def id(self) -> str:
        """Its id; bytes that are not UTF-8 are lone surrogates."""

    @property
    def reason(self) -> str:
        """Stable and machine-readable, UPPER_SNAKE_CASE."""

    @property
    def message(self) -> str:
        """One sentence for people."""


class Reporter:
    """Reports failures and breaks: for people on stderr, for programs on stdout.

    Args:
        view: shows the progress.
        as_json: report a failure as a JSON object on stdout instead of a line on stderr.
        server: how to call the server in messages.
    """

    def __init__(self, view: ProgressView, *, as_json: bool, server: str = "the server") -> None:
        self._view = view
        self._as_json = as_json
        self._server = server

    def fail(self, failure: Failure) -> None:
        """Report a failure."""
        if not self._as_json:
            self._view.print(f"failed: {legible(failure.id)}: {one_line(failure.message)}")
            return
        record = {"id": failure.id, "reason": failure.reason, "message": failure.message}
        print_json({"kind": "failure"} | record)

    def wait(self, error: tihua.TihuaError) -> None:
        """Report a break after which the call is retried."""
        self._view.print(f"{self._obstacle(error)}; {_until()}")

    def _obstacle(self, error: tihua.TihuaError) -> str:
        if error.reason:  # the server answered: use its words
            return one_line(error.message)
        match error:
            case tihua.OverloadedError():
                state = "is busy"
            case tihua.DeadlineError():
                state = "does not answer in time"
            case _:
                state = "is gone"
        return f"{self._server} {state}"


@contextlib.contextmanager
def continuable(view: ProgressView) -> Iterator[None]:
    """Say that the command can be continued, if it is interrupted or its server is gone.

    Raises:
        click.exceptions.Exit: it was interrupted.
        TihuaError: as it was raised.
    """
    try:
        yield
    except KeyboardInterrupt:
        view.print("interrupted: run it again to continue")
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    except PASSING:
        view.print("stopped: run it again to continue")
        raise


def _until() -> str:
    return f"trying again for up to {RECONNECT_TIMEOUT_S:g} s"
