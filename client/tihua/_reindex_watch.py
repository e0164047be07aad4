"""Whether the new collection of a reindex is still its own: whether the alias is where it was."""

import math
import time
from typing import TYPE_CHECKING

from tihua._reindex_plan import Plan
from tihua.errors import FailedPreconditionError

if TYPE_CHECKING:
    from tihua._client import Client


class AliasWatch:
    """Notices that somebody else has moved the alias; safe to use from several threads.

    Another reindex of the same name may be quicker. From its swap on the new collection is written
    to by others, and must not be made like the old one any more.
    """

    def __init__(self, client: "Client", plan: Plan) -> None:
        """Ask nothing yet."""
        self._client = client
        self._plan = plan
        self._asked_s = -math.inf

    def check(self, *, max_age_s: float = 0.0) -> None:
        """Ask where the alias leads.

        Args:
            max_age_s: how old the last answer may be to ask for no other, in seconds.

        Raises:
            FailedPreconditionError: it does not lead to the old collection any more.
            NotFoundError: it was deleted.
        """
        now_s = time.monotonic()
        if now_s - self._asked_s < max_age_s:
            return
        found = self._client.get_collection(self._plan.alias).name
        if found != self._plan.source:
            raise FailedPreconditionError(
                f"{self._plan.alias} leads to {found} now, and no longer to {self._plan.source}: "
                "another reindex was quicker; run it again, and it does what is left",
                reason="REINDEX_UNDER_WAY",
            )
        self._asked_s = now_s
