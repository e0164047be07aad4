"""Progress of an ingestion: a live bar on a terminal, otherwise a line every few seconds."""

import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from tihua._printable import printable

_LINE_INTERVAL_S = 5.0


@dataclass(slots=True)
class Tally:
    """Numbers of pictures by outcome."""

    written: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        """The number of pictures with an outcome."""
        return self.written + self.failed + self.skipped


class ProgressView(Protocol):
    """Shows the progress on stderr; a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def begin(self, total: int) -> None:
        """Start from nothing, with a total number of pictures."""

    def update(self, tally: Tally) -> None:
        """Show the progress."""

    def print(self, text: str) -> None:
        """Print a line that stays."""


def progress_view(*, as_json: bool) -> ProgressView:
    """Return a bar if stderr is a terminal, else a view that prints lines."""
    console = Console(stderr=True, highlight=False)
    # JSON lines and a bar on one terminal would draw over each other.
    if console.is_terminal and not (as_json and sys.stdout.isatty()):
        return LiveProgress(console)
    return PlainProgress()


class _Remaining(ProgressColumn):
    """Shows the remaining time, by the average pace so far."""

    def render(self, task: Task) -> Text:
        return Text(_remaining(task.completed, task.total or 0, task.elapsed or 0.0), "dim")


class LiveProgress:
    """A bar that is redrawn in place.

    Args:
        console: the console of a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(style="cyan"),
            BarColumn(bar_width=None, complete_style="cyan", finished_style="cyan"),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[detail]}"),
            _Remaining(),
            console=console,
            transient=True,
            expand=True,
        )
        self._task = self._progress.add_task("", total=0, detail="")
        self._total = 0
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the bar."""
        self._progress.stop()

    def begin(self, total: int) -> None:
        """Start from nothing, with a total number of pictures."""
        self._total = total
        self._began = time.monotonic()
        self._progress.reset(self._task, total=total, detail="")

    def update(self, tally: Tally) -> None:
        """Show the progress."""
        detail = _detail(tally, time.monotonic() - self._began)
        total = max(self._total, tally.total)
        self._progress.update(self._task, completed=tally.total, total=total, detail=detail)

    def print(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(Text(printable(text)), soft_wrap=True)


class PlainProgress:
    """Lines for a log or a pipe, at most one in five seconds."""

    def __init__(self) -> None:
        self._total = 0
        self._began = self._printed = time.monotonic()

    def __enter__(self) -> Self:
        """Do nothing; there is nothing to draw yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Do nothing; printed lines stay."""

    def begin(self, total: int) -> None:
        """Start from nothing, with a total number of pictures."""
        self._total = total
        self._began = time.monotonic()

    def update(self, tally: Tally) -> None:
        """Show the progress if the last line is old enough."""
        now = time.monotonic()
        if now - self._printed < _LINE_INTERVAL_S:
            return
        self._printed = now
        elapsed_s = now - self._began
        total = max(self._total, tally.total)
        detail = _detail(tally, elapsed_s)
        self.print(f"{tally.total}/{total}  {detail}  {_remaining(tally.total, total, elapsed_s)}")

    def print(self, text: str) -> None:
        """Print a line."""
        click.echo(printable(text), err=True)


def _detail(tally: Tally, elapsed_s: float) -> str:
    pace = tally.written / elapsed_s if elapsed_s > 0 else 0.0
    return f"{tally.failed} failed  {tally.skipped} unchanged  {pace:.1f} pictures/s"


def _remaining(done: float, total: float, elapsed_s: float) -> str:
    if done <= 0 or elapsed_s <= 0:
        return "–:–– left"
    seconds = round((total - done) * elapsed_s / done)
    hours, minutes = divmod(seconds // 60, 60)
    clock = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{clock}:{seconds % 60:02} left"
