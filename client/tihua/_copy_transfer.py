"""Transfers the items of a collection to its copy.

    two lists ──> what is missing or newer, in pages ──> items with embeddings, ahead ──> ingested

The buffers in between are bounded in items and in bytes, however large the collection.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from tihua._between_collections import LIST_ITEMS, if_any, listed
from tihua._copy_types import CopyProgress
from tihua._ingest.types import IngestProgress
from tihua._read_ahead import ReadAhead
from tihua._reconnect import ReconnectPolicy
from tihua._reindex.changes import paired, time_of
from tihua._server_types import Collection
from tihua._types import UNKNOWN_TIME, Item, ItemError

if TYPE_CHECKING:
    from tihua._client import Client

_PAGES_AHEAD = 4
_BYTES_AHEAD = 32 * 2**20
"""What may be fetched before it is sent."""

_GUESSED_BYTES = 8 * 1_024
"""Estimated size of an item: 2 to 4 KiB of embedding, and its metadata."""


class Transfer:
    """Copies the items that are missing or older in the copy; resumes if a server goes away.

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
        """Prepare the transfer.

        Args:
            source: a client of the server that has the collection.
            target: a client of the server that has the copy.
            original: the collection.
            copy: the collection to copy into; loaded, and with the same model.
            list_items: ids of one page of a list, on both servers.
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
        self._written_before = 0  # by earlier passes
        self._reported_ids: set[str] = set()

    def run(self, policy: ReconnectPolicy) -> None:
        """Copy everything, in as many passes as it takes.

        Raises:
            TihuaError: a server refuses, or did not come back.
        """
        policy.answer(lambda: self._pass(policy), progress=lambda: self.written)

    def _pass(self, policy: ReconnectPolicy) -> None:
        self.kept = self.failed = 0
        self._written_before = self.written
        self._report()
        with closing(self._items()) as items:
            if (missing := if_any(items)) is not None:
                self._target.ingest(
                    missing,
                    batch_size=self._page_items,
                    on_progress=self._ingested,
                    on_break=policy.on_break,
                    reconnect_timeout=policy.timeout_s,
                    collection=self._copy,
                )
        self._report()

    def _items(self) -> Generator[Item, None, None]:
        """Yield the items that are missing or older in the copy."""
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
        """Yield the ids of these items, in pages, and count those whose copy is up to date."""
        page: list[str] = []
        up_to_date = 0
        for original, copy in paired(
            listed(self._source, self._name, page_size=self._list_items),
            listed(self._target, self._copy, page_size=self._list_items),
        ):
            if original is None:  # only the copy has it, and keeps it
                continue
            # Others may write to the copy as well: the newer item is right.
            if copy is None or time_of(original) > time_of(copy):
                page.append(original.id)
            else:
                up_to_date += 1
                # They include the items that this call wrote before a break.
                self.kept = max(0, up_to_date - self._written_before)
                if up_to_date % LIST_ITEMS == 0:
                    self._report()
            if len(page) == self._page_items:
                yield page
                page = []
        if page:
            yield page

    def _fetched(self, ids: list[str]) -> list[Item]:
        items = self._source.get_items(
            ids, fields=("uri", "metadata", "embedding", "update_time"), collection=self._name
        )
        return [replace(item, update_time=item.update_time or UNKNOWN_TIME) for item in items]

    def _ingested(self, progress: IngestProgress) -> None:
        self.written = self._written_before + progress.written
        self.failed = progress.failed
        new = [error for error in progress.errors if error.id not in self._reported_ids]
        self._reported_ids.update(error.id for error in new)
        self._report(tuple(new))

    def _report(self, errors: tuple[ItemError, ...] = ()) -> None:
        self._on_progress(CopyProgress(self._total, self.kept, self.written, self.failed, errors))
