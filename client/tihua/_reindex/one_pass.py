"""One pass of a reindex: compares both collections and makes the new one like the old one.

    two lists ──> changes ──> pages: deleted, fetched ──> content read, some ahead ──> written

The buffers in between are bounded in items and in bytes, however large the collections. How items
are written depends on who else writes to the new collection (`_reindex/writer.py`).
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from tihua._between_collections import LIST_ITEMS, PAGE_ITEMS, listed
from tihua._read_ahead import two_stages
from tihua._reindex.changes import Change, Seen, changes
from tihua._reindex.content import held_bytes, with_content
from tihua._reindex.plan import Plan
from tihua._reindex.types import Content, ReindexProgress, ReindexStage
from tihua._reindex.writer import Writer
from tihua._server_types import Limits
from tihua._types import Item, ItemError

if TYPE_CHECKING:
    from tihua._client import Client


class Pass:
    """Makes the new collection like the old one, as far as contents can be found.

    Attributes:
        kept: items that are the same in both.
        written: items that were written.
        deleted: items that were removed from the new collection.
        failing: ids of the items whose content can't be found or embedded.
        seen: the old collection's items, as far as the stage needs them.
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
        writer: Writer,
        reported_ids: set[str],
        on_progress: Callable[[ReindexProgress], None],
    ) -> None:
        """Prepare a pass.

        Args:
            client: a client of the server.
            plan: names the collections.
            content: returns what an item was made of; called in threads.
            limits: the server's limits.
            stage: the stage that the pass belongs to.
            seen: records the items of the old collection.
            writer: makes the changes.
            reported_ids: ids of the failures that were reported before; the pass adds to it.
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
        self._writer = writer
        self._reported_ids = reported_ids
        self._on_progress = on_progress
        self._total = 0
        self._errors: list[ItemError] = []

    def run(self) -> None:
        """Run the pass; after any error another pass can be run.

        Raises:
            FailedPreconditionError: another reindex has moved the alias, so that others write to
                the new collection, and the writer is not made for that.
            TihuaError: the server can't be asked, or refuses.
        """
        self._total = self._client.count_items(collection=self._plan.source)
        self._report()
        with closing(self._items()) as items:
            self._writer.write(items, self._note)
        self._report()

    def _items(self) -> Generator[Item, None, None]:
        """Yield the items to be written, with their contents."""
        with closing(
            two_stages(self._pages(), self._fetched, self._loaded, held_bytes)
        ) as outcomes:
            for outcome in outcomes:
                if isinstance(outcome, Item):
                    yield outcome
                else:
                    self._fail(outcome)
                self._report()

    def _pages(self) -> Iterator[list[Change]]:
        """Yield the changes to make, in pages, each soon after it was found."""
        size = min(PAGE_ITEMS, self._limits.max_page_size, self._limits.max_batch_items)
        page: list[Change] = []
        for change in changes(
            map(self.seen.note, self._listed(self._plan.source)),
            self._listed(self._plan.target),
            self._writer.copied,
        ):
            if change.kind != "keep":
                page.append(change)
                is_due = len(page) == size
            else:
                self.kept += 1
                is_due = self.kept % LIST_ITEMS == 0
                if is_due:
                    self._report()
            if page and is_due:
                yield page
                page = []
        if page:
            yield page

    def _listed(self, collection: str) -> Iterator[Item]:
        size = min(LIST_ITEMS, self._limits.max_page_size)
        return listed(self._client, collection, page_size=size)

    def _fetched(self, page: list[Change]) -> list[Item]:
        """Make the deletions of a page, and return the old collection's items to write."""
        self.deleted += self._writer.delete(page)
        ids = [change.id for change in page if change.kind != "delete"]
        if not ids:
            return []
        items = self._client.get_items(
            ids, fields=("uri", "metadata", "update_time"), collection=self._plan.source
        )
        # The store's list may have an item before the replica that it is fetched from.
        missed = set(ids) - {item.id for item in items}
        self.seen.forget(missed)
        self._writer.miss(missed)
        return [self.seen.note(item) for item in items]

    def _loaded(self, item: Item) -> Item | ItemError:
        loaded = with_content(item, self._content, max_image_bytes=self._limits.max_image_bytes)
        return loaded if isinstance(loaded, ItemError) else self._writer.prepared(loaded)

    def _note(self, written: int, errors: Iterable[ItemError]) -> None:
        self.written = written
        for error in errors:
            self._fail(error)
        self._report()

    def _fail(self, error: ItemError) -> None:
        self.failing.add(error.id)
        if error.id not in self._reported_ids:
            self._reported_ids.add(error.id)
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
