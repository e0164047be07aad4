"""The progress bars of a training."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def training_progress() -> Progress:
    """Return progress bars with the remaining time, on stderr: stdout is for results."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        # Lines of results are not wrapped without a terminal, so that grep finds them.
        console=Console(file=sys.stderr, soft_wrap=True),
    )
