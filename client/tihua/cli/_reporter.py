"""What a long command tells on its way: what failed, why it waits for a server, how far it is."""

from typing import Protocol

import click

import tihua
from tihua._foreign_name import legible
from tihua._printable import one_line
from tihua._reconnect import Reconnect
from tihua.cli._error_line import told
from tihua.cli._json import print_json
from tihua.cli._progress import ProgressView

RECONNECT_TIMEOUT_S = 60.0
"""How long a server that went away, or is not there yet, is waited for, in seconds."""


def arrival() -> Reconnect:
    """Return how long a server is waited for that may have been started a moment ago."""

    def tell(error: tihua.TihuaError) -> None:
        click.echo(f"{told(error).rstrip('.')}; {_until()}", err=True)

    return Reconnect(RECONNECT_TIMEOUT_S, on_break=tell)


class Failure(Protocol):
    """Something that does not go in: a file here, or an item that a server refused."""

    @property
    def id(self) -> str:
        """Its id; may hold what is not UTF-8, as lone surrogates."""

    @property
    def reason(self) -> str:
        """Stable and machine-readable, UPPER_SNAKE_CASE."""

    @property
    def message(self) -> str:
        """One sentence for people."""


class Reporter:
    """Tells people on stderr, and programs on stdout.

    Args:
        view: shows how far it is.
        as_json: a failure is a JSON object on stdout, and not a line on stderr.
        server: who may go away, in words.
    """

    def __init__(self, view: ProgressView, *, as_json: bool, server: str = "the server") -> None:
        self._view = view
        self._as_json = as_json
        self._server = server

    def fail(self, failure: Failure) -> None:
        """Tell of what failed."""
        if not self._as_json:
            self._view.print(f"failed: {legible(failure.id)}: {one_line(failure.message)}")
            return
        record = {"id": failure.id, "reason": failure.reason, "message": failure.message}
        print_json({"kind": "failure"} | record)

    def wait(self, error: tihua.TihuaError) -> None:
        """Tell why it does not go on, and that this is not yet the end."""
        self._view.print(f"{self._obstacle(error)}; {_until()}")

    def _obstacle(self, error: tihua.TihuaError) -> str:
        if error.reason:  # by a server that is there, in its own words
            return one_line(error.message)
        match error:
            case tihua.OverloadedError():
                state = "is busy"
            case tihua.DeadlineError():
                state = "does not answer in time"
            case _:
                state = "is gone"
        return f"{self._server} {state}"


def _until() -> str:
    return f"trying again for up to {RECONNECT_TIMEOUT_S:g} s"
