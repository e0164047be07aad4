"""How a training shows how far it is."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def training_progress() -> Progress:
    """Return bars of steps with the time that is left, on stderr: stdout is for results."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        # Lines that were measured are for grep, too: not broken where there is no terminal.
        console=Console(file=sys.stderr, soft_wrap=True),
    )
