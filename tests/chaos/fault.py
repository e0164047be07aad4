"""The interface of a fault."""

from typing import Protocol

from chaos.ground import Ground
from chaos.outcome import Outcome


class Fault(Protocol):
    """Something that goes wrong, again and again, while a ledger records the writes."""

    def __call__(self, ground: Ground) -> Outcome:
        """Inject the fault, and return the outcome.

        Raises:
            Skipped: this machine can't produce the fault.
        """
