"""One pass of a reindex: both collections compared, and the new one made like the old one.

    two lists ──> changes ──> pages: deleted, fetched ──> content read, some ahead ──> ingested

What waits in between is bounded in items and in bytes, however large the collections. Late items,
which come when others write to the new collection too, are not ingested but embedded and written
with care (`_reindex_late.py`).
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import TYPE_CHECKING

from tihua._ingest_types import IngestProgress
from tihua._read_ahead import ReadAhead
from tihua._reconnect import Persistence
from tihua._reindex_changes import Change, Seen, changes
from tihua._reindex_content import held_bytes, with_content
from tihua._reindex_late import Late
from tihua._reindex_plan import Plan
from tihua._reindex_types import Content, ReindexProgress, ReindexStage
from tihua._reindex_watch import AliasWatch
from tihua._server_types import Limits
from tihua._types import Item, ItemError

if TYPE_CHECKING:
    from tihua._client import Client

_LIST_ITEMS = 1_000
"""Ids of one page of a list, if the server's limits allow as many."""

_PAGE_ITEMS = 256
"""Items fetched in one call, likewise."""

_PAGES_AHEAD = 2
_ITEMS_AHEAD = 64
_BYTES_AHEAD = 32 * 2**20
"""What is read and not yet sent."""

_THREADS = 8
"""Contents read at once: a network file system takes milliseconds for each, whatever its size."""


class Pass:
    """Makes the new collection like the old one, as far as the contents can be had.

    Attributes:
        kept: items that are alike in both.
        written: items that were written.
        deleted: items that were removed from the new collection.
        failing: ids of the items of which the content can't be found or embedded.
        seen: what the old collection has, as far as the stage needs to know.
    """

    def __init__(
        self,
        client: "Client",
        plan: Plan,
        content: Content,
        limits: Limits,
        *,
        stage: ReindexStage,
        seen: Seen,
        late: Late | None,
        told: set[str],
        on_progress: Callable[[ReindexProgress], None],
    ) -> None:
        """Prepare a pass.

        Args:
            client: of the server.
            plan: which collections they are.
            content: what an item was made of; called in threads.
            limits: of the server.
            stage: which pass it is.
            seen: takes the items of the old collection.
            late: None as long as nobody but the reindex writes to the new one.
            told: ids of the failures that were told already; grows.
            on_progress: called on the thread of `run`.
        """
        self.kept = self.written = self.deleted = 0
        self.failing: set[str] = set()
        self._client = client
        self._plan = plan
        self._content = content
        self._limits = limits
        self._stage = stage
        self.seen = seen
        self._late = late
        self._watch = AliasWatch(client, plan)
        self._told = told
        self._on_progress = on_progress
        self._total = 0
        self._errors: list[ItemError] = []

    def run(self, persistence: Persistence) -> None:
        """Do it; safe to do again after any error.

        Args:
            persistence: of the ingestion.

        Raises:
            FailedPreconditionError: another reindex has moved the alias, so that others write to
                the new collection, and `late` is None.
            TihuaError: the server can't be asked, or refuses.
        """
        self._total = self._client.count_items(collection=self._plan.source)
        self._report()
        with closing(self._items()) as items:
            if self._late is not None:
                while portion := list(islice(items, self._late.max_items)):
                    written, errors = self._late.write(portion)
                    self._note(self.written + written, errors)
            # Without anything to write there is no stream, which would be ended for its idleness.
            elif (first := next(items, None)) is not None:
                self._client.ingest(
                    chain([first], items),
                    on_progress=self._ingested,
                    on_break=persistence.on_break,
                    reconnect_timeout=persistence.timeout_s,
                    collection=self._plan.target,
                )
        self._report()

    def _items(self) -> Generator[Item, None, None]:
        """Yield the items to be written, with their contents."""
        fetched = ReadAhead(
            self._fetched,
            self._pages(),
            threads=1,
            max_items=_PAGES_AHEAD,
            max_bytes=_BYTES_AHEAD,
            size_of=lambda _: 0,
        )
        with closing(iter(fetched)) as pages:
            loaded = ReadAhead(
                self._loaded,
                chain.from_iterable(pages),
                threads=_THREADS,
                max_items=_ITEMS_AHEAD,
                max_bytes=_BYTES_AHEAD,
                size_of=held_bytes,
            )
            with closing(iter(loaded)) as outcomes:
                for outcome in outcomes:
                    if isinstance(outcome, Item):
                        if self._late is None:
                            self._watch.check_at_times()
                        yield outcome
                    else:
                        self._fail(outcome)
                    self._report()

    def _pages(self) -> Iterator[list[Change]]:
        """Yield what there is to do, in portions, each soon after it was found."""
        size = min(_PAGE_ITEMS, self._limits.max_page_size, self._limits.max_batch_items)
        page: list[Change] = []
        for change in changes(
            map(self.seen.note, self._listed(self._plan.source)),
            self._listed(self._plan.target),
            self._late.copied if self._late else None,
        ):
            if change.kind != "keep":
                page.append(change)
            else:
                self.kept += 1
                if self.kept % _LIST_ITEMS == 0:
                    self._report()
            if len(page) == size or (page and self.kept % _LIST_ITEMS == 0):
                yield page
                page = []
        if page:
            yield page

    def _listed(self, collection: str) -> Iterator[Item]:
        return self._client.list_items(
            fields=("update_time",),
            page_size=min(_LIST_ITEMS, self._limits.max_page_size),
            collection=collection,
        )

    def _fetched(self, page: list[Change]) -> list[Item]:
        """Remove what must go, and return what is to be written, as the old collection has it."""
        gone = [change.id for change in page if change.kind == "delete"]
        stale = [change.id for change in page if change.kind == "replace"]
        if self._late is not None:
            self.deleted += self._late.delete(gone) if gone else 0
        elif gone or stale:
            # Nobody searches the new collection before the alias leads there: what is to be
            # replaced goes first, so that it is not there with an old content if the new one can't
            # be had.
            self._watch.check()
            self._client.delete_items([*gone, *stale], collection=self._plan.target)
            self.deleted += len(gone)
        ids = [change.id for change in page if change.kind != "delete"]
        if not ids:
            return []
        items = self._client.get_items(
            ids, fields=("uri", "metadata", "update_time"), collection=self._plan.source
        )
        # A list may know of an item before the replica that is asked for it does.
        missed = set(ids) - {item.id for item in items}
        self.seen.forget(missed)
        if self._late is not None:
            self._late.waiting |= missed
        return [self.seen.note(item) for item in items]

    def _loaded(self, item: Item) -> Item | ItemError:
        loaded = with_content(item, self._content)
        if self._late is None or isinstance(loaded, ItemError):
            return loaded
        return self._late.embedded(loaded)

    def _ingested(self, progress: IngestProgress) -> None:
        self._note(progress.written, progress.errors)

    def _note(self, written: int, errors: Iterable[ItemError]) -> None:
        self.written = written
        for error in errors:
            self._fail(error)
        self._report()

    def _fail(self, error: ItemError) -> None:
        self.failing.add(error.id)
        if error.id not in self._told:
            self._told.add(error.id)
            self._errors.append(error)

    def _report(self) -> None:
        errors, self._errors = tuple(self._errors), []
        self._on_progress(
            ReindexProgress(
                source=self._plan.source,
                target=self._plan.target,
                stage=self._stage,
                total=self._total,
                kept=self.kept,
                written=self.written,
                deleted=self.deleted,
                failed=len(self.failing),
                errors=errors,
            )
        )
