"""The outcome of a fault: one row of the table."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from chaos.ledger import Verdict
from chaos.server import Server

MAX_GROWTH = 0.05
MAX_GROWTH_BYTES = 30 * 2**20
"""Memory is back to normal if it grew by no more than the larger of the two."""

MAX_TOLD = 5
"""Problems that are reported; the rest are only counted."""

MAX_LIE_S = 20.0
"""How long health may be wrong, in seconds: the server checks every 2 s, the deadline of the store
is 10 s, and a busy machine adds to that."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of the server, in bytes: settled before the fault, and after it."""

    before: int
    after: int

    @classmethod
    def settled(cls, before: int, server: Server) -> Self:
        """Measure the memory after the fault, once it is back to normal or has settled."""
        return cls(before, server.settled_bytes(lambda size: cls(before, size).is_back))

    @property
    def is_back(self) -> bool:
        """Whether memory is back to normal."""
        return self.after - self.before <= max(MAX_GROWTH * self.before, MAX_GROWTH_BYTES)


@dataclass(slots=True)
class Outcome:
    """The outcome of a fault.

    Attributes:
        what: the fault, in a few words.
        cycles: how often it happened; for a storm, the number of calls or connections.
        verdict: of the last check of the ledger, with the writers stopped.
        recoveries_s: seconds from each fault to the first call that succeeded.
        memory: of the server; None if the scale measures none.
        lie_s, lie: the longest time for which health was wrong, and how.
        notes: sentences for the reader.
        problems: sentences about everything else that was wrong.
    """

    what: str
    cycles: int
    verdict: Verdict
    memory: Memory | None
    recoveries_s: Sequence[float] = ()
    lie_s: float = 0.0
    lie: str = ""
    notes: Sequence[str] = ()
    problems: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Return a sentence for everything that is wrong; empty if all went well."""
        wrong = self.problems[:MAX_TOLD]
        if (more := len(self.problems) - MAX_TOLD) > 0:
            wrong.append(f"{more} more of that kind")
        if not self.verdict.is_sound:
            wrong.append(str(self.verdict))
        if not self.verdict.writes:
            wrong.append("nothing was acknowledged: the fault met an idle server")
        if self.memory and not self.memory.is_back:
            before, after = self.memory.before >> 20, self.memory.after >> 20
            wrong.append(f"memory went from {before} to {after} MiB")
        if self.lie_s > MAX_LIE_S:
            wrong.append(f"health said {self.lie} for {self.lie_s:.0f} s")
        return wrong

    @property
    def recovery(self) -> str:
        """Return the median and maximum of the recovery times, in seconds, as text."""
        if not self.recoveries_s:
            return "–"
        median, worst = statistics.median(self.recoveries_s), max(self.recoveries_s)
        return f"{median:.1f} (max {worst:.1f})"
