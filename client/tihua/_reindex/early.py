"""Writes items to the new collection while only the reindex does: they are ingested."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tihua._between_collections import if_any
from tihua._reconnect import ReconnectPolicy
from tihua._reindex.changes import Change
from tihua._reindex.plan import Plan
from tihua._reindex.watch import AliasWatch
from tihua._reindex.writer import Note
from tihua._types import Item, ItemError

if TYPE_CHECKING:
    from tihua._client import Client


class EarlyWriter:
    """Ingests items, as long as the alias leads to the old collection.

    Attributes:
        copied: None, because nobody else writes to the new collection before the swap.
    """

    def __init__(self, client: "Client", plan: Plan, policy: ReconnectPolicy) -> None:
        """Start with nothing written.

        Args:
            client: a client of the server.
            plan: names the collections.
            policy: the retry policy of the ingestion.
        """
        self.copied = None
        self._client = client
        self._plan = plan
        self._policy = policy
        self._watch = AliasWatch(client, plan)

    def delete(self, page: Sequence[Change]) -> int:
        """Delete the items that are gone, and those to replace; return how many are gone.

        None of the latter should keep its old content if the new one can't be found. Nobody
        searches the new collection before the alias leads there.

        Raises:
            FailedPreconditionError: the alias does not lead to the old collection any more.
        """
        gone = [change.id for change in page if change.kind == "delete"]
        stale = [change.id for change in page if change.kind == "replace"]
        if gone or stale:
            self._watch.check()
            self._client.delete_items([*gone, *stale], collection=self._plan.target)
        return len(gone)

    def miss(self, ids: set[str]) -> None:
        """Do nothing: the next pass finds them missing."""

    def prepared(self, item: Item) -> Item | ItemError:
        """Return the item as it is: the server will embed it."""
        return item

    def write(self, items: Iterator[Item], note: Note) -> None:
        """Ingest the items.

        Raises:
            FailedPreconditionError: the alias does not lead to the old collection any more.
            TihuaError: the server refuses, or did not come back.
        """
        if (changed := if_any(items)) is not None:
            self._watch.check()
            self._client.ingest(
                self._owned(changed),
                on_progress=lambda progress: note(progress.written, progress.errors),
                on_break=self._policy.on_break,
                reconnect_timeout=self._policy.timeout_s,
                collection=self._plan.target,
            )

    def _owned(self, items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            self._watch.check_at_times()
            yield item
