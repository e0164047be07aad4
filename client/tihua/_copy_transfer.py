"""The items of a collection on their way to its copy.

    two lists ──> what is missing or newer, in pages ──> items with embeddings, ahead ──> ingested

What waits in between is bounded in items and in bytes, however large the collection.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from tihua._copy_types import CopyProgress
from tihua._ingest_types import IngestProgress
from tihua._read_ahead import ReadAhead
from tihua._reconnect import Persistence
from tihua._reindex_changes import paired, time_of
from tihua._server_types import Collection
from tihua._types import UNKNOWN_TIME, Item, ItemError
from tihua.errors import DeadlineError, OverloadedError, UnavailableError

if TYPE_CHECKING:
    from tihua._client import Client

LIST_ITEMS = 1_000
"""Ids of one page of a list, if the server's limits allow as many."""

PAGE_ITEMS = 256
"""Items fetched in one call and sent in one batch, likewise: half a MB of embeddings."""

_PAGES_AHEAD = 4
_BYTES_AHEAD = 32 * 2**20
"""What is fetched and not yet sent, however large the collection."""

_GUESSED_BYTES = 8 * 1_024
"""What an item holds: 2 to 4 KiB of embedding, and its metadata."""


class Transfer:
    """Copies what is missing or older in the copy, and resumes if a server goes away.

    Attributes:
        kept: items whose copy was already up to date.
        written: items copied.
        failed: items that the other server refused.
    """

    def __init__(
        self,
        source: "Client",
        target: "Client",
        original: Collection,
        copy: Collection,
        *,
        list_items: int,
        page_items: int,
        on_progress: Callable[[CopyProgress], None],
    ) -> None:
        """Prepare.

        Args:
            source: of the server that has the collection.
            target: of the server that has the copy.
            original: the collection.
            copy: what is copied into; loaded, and of the same model.
            list_items: ids of one page of a list, at both servers.
            page_items: items fetched in one call and sent in one batch.
            on_progress: called on the thread of `run`.
        """
        self.kept = self.written = self.failed = 0
        self._source = source
        self._target = target
        self._name = original.name
        self._total = original.item_count
        self._copy = copy.name
        self._list_items = list_items
        self._page_items = page_items
        self._on_progress = on_progress
        self._written_before = 0  # the pass that is under way
        self._told: set[str] = set()

    def run(self, persistence: Persistence) -> None:
        """Do it, in as many passes as it takes.

        Raises:
            TihuaError: a server refuses, or did not come back.
        """
        reconnect = persistence.reconnect()
        while True:
            try:
                self._pass(persistence)
            except (UnavailableError, OverloadedError, DeadlineError) as error:
                time.sleep(reconnect.delay_after(error, self.written))
            else:
                return

    def _pass(self, persistence: Persistence) -> None:
        self.kept = self.failed = 0
        self._written_before = self.written
        self._report()
        with closing(self._items()) as items:
            # Without anything to write there is no stream, which would be ended for its idleness.
            if (first := next(items, None)) is not None:
                self._target.ingest(
                    chain([first], items),
                    batch_size=self._page_items,
                    on_progress=self._ingested,
                    on_break=persistence.on_break,
                    reconnect_timeout=persistence.timeout_s,
                    collection=self._copy,
                )
        self._report()

    def _items(self) -> Generator[Item, None, None]:
        """Yield the items that are missing or older there."""
        fetched = ReadAhead(
            self._fetched,
            self._pages(),
            threads=1,
            max_items=_PAGES_AHEAD,
            max_bytes=_BYTES_AHEAD,
            size_of=lambda ids: len(ids) * _GUESSED_BYTES,
        )
        with closing(iter(fetched)) as pages:
            yield from chain.from_iterable(pages)

    def _pages(self) -> Iterator[list[str]]:
        """Yield the ids of these items, in pages, and count those whose copy is as new."""
        page: list[str] = []
        as_new = 0
        for original, copy in paired(
            self._listed(self._source, self._name), self._listed(self._target, self._copy)
        ):
            if original is None:  # only the copy has it, and keeps it
                continue
            # Others may write to the copy as well: the newer item is right.
            if copy is None or time_of(original) > time_of(copy):
                page.append(original.id)
            else:
                as_new += 1
                # What this call wrote before a break is there too, and was not kept.
                self.kept = max(0, as_new - self._written_before)
                if as_new % LIST_ITEMS == 0:
                    self._report()
            if len(page) == self._page_items:
                yield page
                page = []
        if page:
            yield page

    def _listed(self, client: "Client", collection: str) -> Iterator[Item]:
        return client.list_items(
            fields=("update_time",), page_size=self._list_items, collection=collection
        )

    def _fetched(self, ids: list[str]) -> list[Item]:
        items = self._source.get_items(
            ids, fields=("uri", "metadata", "embedding", "update_time"), collection=self._name
        )
        return [replace(item, update_time=item.update_time or UNKNOWN_TIME) for item in items]

    def _ingested(self, progress: IngestProgress) -> None:
        self.written = self._written_before + progress.written
        self.failed = progress.failed
        untold = [error for error in progress.errors if error.id not in self._told]
        self._told.update(error.id for error in untold)
        self._report(tuple(untold))

    def _report(self, errors: tuple[ItemError, ...] = ()) -> None:
        self._on_progress(CopyProgress(self._total, self.kept, self.written, self.failed, errors))
