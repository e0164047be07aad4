"""What a fault is to the soak."""

from typing import Protocol

from chaos.ground import Ground
from chaos.outcome import Outcome


class Fault(Protocol):
    """Something that goes wrong, again and again, while the ledger is kept."""

    def __call__(self, ground: Ground) -> Outcome:
        """Do it, and return what it came to.

        Raises:
            Skipped: it can't be had here.
        """
