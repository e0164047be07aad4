"""Whether the new collection of a reindex is still its own: whether the alias is where it was."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tihua._reindex_plan import Plan
from tihua.errors import FailedPreconditionError

if TYPE_CHECKING:
    from tihua._client import Client

_MIN_PAUSE_S = 1.0
_MAX_PAUSE_S = 60.0
"""Between two looks while items are written; so long the slower of two reindexes may go on."""

_PAUSE_RATIO = 50
"""How much longer than a look a pause is: for each look the server counts the collection, which
takes an embedded store of a million items seconds."""


class AliasWatch:
    """Notices that somebody else has moved the alias; safe to use from several threads.

    Another reindex of the same name may be quicker. From its swap on the new collection is written
    to by others, and must not be made like the old one any more.
    """

    def __init__(
        self, client: "Client", plan: Plan, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask nothing yet.

        Args:
            client: of the server.
            plan: which alias it is, and of which collection.
            now: the clock, in seconds.
        """
        self._client = client
        self._plan = plan
        self._now = now
        self._next_s = -math.inf

    def check_at_times(self) -> None:
        """Do as `check` if the last answer is old: a second, or up to a minute if it took long."""
        if self._now() >= self._next_s:
            self.check()

    def check(self) -> None:
        """Ask where the alias leads.

        Raises:
            FailedPreconditionError: it does not lead to the old collection any more.
            NotFoundError: it was deleted.
        """
        asked_s = self._now()
        found = self._client.get_collection(self._plan.alias).name
        if found != self._plan.source:
            raise FailedPreconditionError(
                f"{self._plan.alias} leads to {found} now, and no longer to {self._plan.source}: "
                "another reindex was quicker; run it again, and it does what is left",
                reason="REINDEX_UNDER_WAY",
            )
        answered_s = self._now()
        pause_s = _PAUSE_RATIO * (answered_s - asked_s)
        self._next_s = answered_s + min(max(_MIN_PAUSE_S, pause_s), _MAX_PAUSE_S)
