"""Checks that a reindex still owns its new collection: that the alias has not been moved."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tihua._reindex.plan import Plan
from tihua.errors import FailedPreconditionError

if TYPE_CHECKING:
    from tihua._client import Client

_MIN_PAUSE_S = 1.0
_MAX_PAUSE_S = 60.0
"""Bounds of the pause between checks, during which the slower of two reindexes still writes."""

_PAUSE_RATIO = 50
"""Ratio of a pause to the check before it: for each check the server counts the collection, which
takes an embedded store of a million items seconds."""


class AliasWatch:
    """Notices that another client has moved the alias; safe to use from several threads.

    Another reindex of the same name may be faster. After its swap others write to the new
    collection, which must not be made like the old one any more.
    """

    def __init__(
        self, client: "Client", plan: Plan, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Start without a check.

        Args:
            client: a client of the server.
            plan: names the alias and the collection that it must lead to.
            now: the clock, in seconds.
        """
        self._client = client
        self._plan = plan
        self._now = now
        self._next_s = -math.inf

    def check_at_times(self) -> None:
        """Call `check` unless the last call is recent: a second; up to a minute if it was slow."""
        if self._now() >= self._next_s:
            self.check()

    def check(self) -> None:
        """Check that the alias leads to the old collection.

        Raises:
            FailedPreconditionError: it does not lead to the old collection any more.
            NotFoundError: it was deleted.
        """
        asked_s = self._now()
        found = self._client.get_collection(self._plan.alias).name
        if found != self._plan.source:
            raise FailedPreconditionError(
                f"{self._plan.alias} leads to {found} now, and no longer to {self._plan.source}: "
                "another reindex was faster; run it again to do what is left",
                reason="REINDEX_UNDER_WAY",
            )
        answered_s = self._now()
        pause_s = _PAUSE_RATIO * (answered_s - asked_s)
        self._next_s = answered_s + min(max(_MIN_PAUSE_S, pause_s), _MAX_PAUSE_S)
