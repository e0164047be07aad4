"""A collection copied to another server, as it is: from the embedded store to Milvus, for example.

    two lists ──> what is missing or newer, in pages ──> items with embeddings, ahead ──> ingested

Nothing is embedded again, and nothing is kept on this machine: what has been done is told by the
copy. So a call that was cut off anywhere is simply made again, and so is one for what was written
meanwhile.
"""

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from tihua._copy_types import CopyProgress, CopySummary
from tihua._ingest_types import IngestProgress
from tihua._read_ahead import ReadAhead
from tihua._reconnect import Reconnect
from tihua._reindex_changes import Copied, changes
from tihua._server_types import Collection, ServerInfo
from tihua._types import UNKNOWN_TIME, Item, ItemError
from tihua.errors import (
    AlreadyExistsError,
    DeadlineError,
    FailedPreconditionError,
    NotFoundError,
    OverloadedError,
    TihuaError,
    UnavailableError,
)

if TYPE_CHECKING:
    from tihua._client import Client

__all__ = ["copy_collection"]

_LIST_ITEMS = 1_000
"""Ids of one page of a list, if the server's limits allow as many."""

_PAGE_ITEMS = 256
"""Items fetched in one call and sent in one batch, likewise: half a MB of embeddings."""

_PAGES_AHEAD = 4
_BYTES_AHEAD = 32 * 2**20
"""What is fetched and not yet sent, however large the collection."""

_GUESSED_BYTES = 8 * 1_024
"""What an item holds: 2 to 4 KiB of embedding, and its metadata."""


def copy_collection(
    source: "Client",
    target: "Client",
    name: str,
    *,
    new_name: str = "",
    on_progress: Callable[[CopyProgress], None] | None = None,
    on_break: Callable[[TihuaError], None] | None = None,
    reconnect_timeout: float = 60.0,
) -> CopySummary:
    """Copy a collection to another server: embeddings, uris, metadata and times as they are.

    The collection is made there, with its index and description, unless it is there already: then
    what is missing or older is copied. What only the copy has stays. So does the original, which
    may be searched and written to meanwhile. Aliases are not copied.

    Args:
        source: of the server that has the collection.
        target: of the other one, which must serve the collection's model; with tokens, of the role
            admin if the collection is not there yet.
        name: the collection, or an alias of it.
        new_name: what the copy is called; empty means `name`.
        on_progress: called on the calling thread with how far it is, and what failed.
        on_break: called when a server is away and will be tried again, with the reason.
        reconnect_timeout: how long to try again after a break before nothing more got through, in
            seconds; 0 never tries.

    Raises:
        NotFoundError: there is no such collection, or the other server does not serve its model.
        FailedPreconditionError: the other server's collection of that name is another model's, or
            the collection is not loaded.
        UnavailableError: a server did not come back within `reconnect_timeout`.
    """
    began = time.monotonic()
    original = source.get_collection(name)
    limits, info = source.server_info().limits, target.server_info()
    copy = _prepared(target, info, original, new_name or name)
    work = _Copy(
        source,
        target,
        original.name,
        copy.name,
        list_items=min(_LIST_ITEMS, limits.max_page_size, info.limits.max_page_size),
        page_items=min(_PAGE_ITEMS, limits.max_page_size, info.limits.max_batch_items),
        on_progress=on_progress or (lambda _: None),
    )
    work.run(on_break, reconnect_timeout)
    return CopySummary(
        collection=copy,
        items=target.count_items(collection=copy.name),
        kept=work.kept,
        written=work.written,
        failed=work.failed,
        seconds=time.monotonic() - began,
    )


def _prepared(target: "Client", info: ServerInfo, original: Collection, name: str) -> Collection:
    """Return the collection that is copied into, loaded."""
    if original.model not in {each.ref for each in info.models}:
        served = ", ".join(f"{each.ref.id} {each.ref.fingerprint}" for each in info.models)
        raise NotFoundError(
            f"{original.name} is of {original.model.id} {original.model.fingerprint}, and the "
            f"other server has {served}: start it with the same --model and --model-path",
            reason="MODEL_NOT_FOUND",
        )
    with contextlib.suppress(AlreadyExistsError):
        return target.create_collection(
            name,
            index=original.index,
            index_params=original.index_params,
            shards=original.shards,
            description=original.description,
            model=original.model.id,
        )
    copy = target.get_collection(name)
    if copy.model != original.model:
        raise FailedPreconditionError(
            f"{copy.name} of the other server is of {copy.model.id} {copy.model.fingerprint}, "
            f"and {original.name} of {original.model.id} {original.model.fingerprint}: their "
            "embeddings can't be compared; give the copy another name",
            reason="MODEL_MISMATCH",
        )
    if copy.load_state == "released":
        target.load_collection(copy.name)
    return copy


class _Copy:
    """The items on their way."""

    def __init__(
        self,
        source: "Client",
        target: "Client",
        name: str,
        copy: str,
        *,
        list_items: int,
        page_items: int,
        on_progress: Callable[[CopyProgress], None],
    ) -> None:
        self.kept = self.written = self.failed = 0
        self._source = source
        self._target = target
        self._name = name
        self._copy = copy
        self._list_items = list_items
        self._page_items = page_items
        self._on_progress = on_progress
        self._total = 0
        self._told: set[str] = set()

    def run(self, on_break: Callable[[TihuaError], None] | None, reconnect_timeout: float) -> None:
        """Copy what is missing or older, and go on if a server goes away."""
        reconnect = Reconnect(reconnect_timeout, on_break=on_break)
        while True:
            try:
                self._pass(on_break, reconnect_timeout)
            except (UnavailableError, OverloadedError, DeadlineError) as error:
                time.sleep(reconnect.delay_after(error, self.written))
            else:
                return

    def _pass(
        self, on_break: Callable[[TihuaError], None] | None, reconnect_timeout: float
    ) -> None:
        self.kept = self.failed = 0
        self._total = self._source.count_items(collection=self._name)
        written_before = self.written

        def ingested(progress: IngestProgress) -> None:
            self.written = written_before + progress.written
            self.failed = progress.failed
            untold = [error for error in progress.errors if error.id not in self._told]
            self._told.update(error.id for error in untold)
            self._report(tuple(untold))

        self._report()
        with closing(self._items()) as items:
            # Without anything to write there is no stream, which would be ended for its idleness.
            if (first := next(items, None)) is not None:
                self._target.ingest(
                    chain([first], items),
                    batch_size=self._page_items,
                    on_progress=ingested,
                    on_break=on_break,
                    reconnect_timeout=reconnect_timeout,
                    collection=self._copy,
                )
        self._report()

    def _items(self) -> Generator[Item, None, None]:
        """Yield the items that are missing or older there."""
        fetched = ReadAhead(
            self._fetched,
            self._pages(self.written),
            threads=1,
            max_items=_PAGES_AHEAD,
            max_bytes=_BYTES_AHEAD,
            size_of=lambda ids: len(ids) * _GUESSED_BYTES,
        )
        with closing(iter(fetched)) as pages:
            yield from chain.from_iterable(pages)

    def _pages(self, written_before: int) -> Iterator[list[str]]:
        """Yield the ids of these items, in pages; those that were written before are not kept."""
        page: list[str] = []
        as_new = 0
        latest = ""

        def originals() -> Iterator[Item]:
            nonlocal latest
            for item in self._listed(self._source, self._name):
                latest = item.id
                yield item

        for change in changes(
            originals(),
            self._listed(self._target, self._copy),
            # As if others had written to the copy from the beginning: the newer item is right.
            Copied(UNKNOWN_TIME),
        ):
            if change.kind != "keep":
                page.append(change.id)
            elif change.id == latest:  # else only the copy has it
                as_new += 1
                self.kept = max(0, as_new - written_before)
                if as_new % _LIST_ITEMS == 0:
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

    def _report(self, errors: tuple[ItemError, ...] = ()) -> None:
        self._on_progress(CopyProgress(self._total, self.kept, self.written, self.failed, errors))
