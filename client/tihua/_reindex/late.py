"""Writes late items to the new collection, which others write to as well by then.

No store can write an item only if it has no newer one. So everything that takes time is done first:
the content is read and embedded, and both collections are listed again, which takes 200 ms because
lists are strongly consistent. Finally the items are fetched by id from the new collection, which
takes some milliseconds and sees all writes by the same server. Items that still need a change get
it at once; items that changed between the two answers wait for the next pass.

A gap of those milliseconds remains, or of 200 ms for writes by another server: if somebody writes
an item to the new collection in just that moment, the late item may replace it.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from tihua._reindex.changes import Change, ChangeKind, Copied, changes
from tihua._reindex.plan import Plan
from tihua._reindex.writer import Note
from tihua._server_types import Limits
from tihua._types import Item, ItemError
from tihua.errors import InvalidRequestError

if TYPE_CHECKING:
    from tihua._client import Client

LATE_ITEMS = 16
"""Items compared and written in one call, if the server's limits allow as many: few, to keep the
call short."""


class LateWriter:
    """Embeds, compares and writes late items; safe to use from several threads.

    Attributes:
        copied: the items of the old collection that have been in the new one.
        waiting: ids of the items that are left to the next pass.
        written: ids of the items that were written.
    """

    def __init__(
        self, client: "Client", plan: Plan, copied: Copied, limits: Limits, *, model: str
    ) -> None:
        """Start with nothing written.

        Args:
            client: a client of the server.
            plan: names the collections.
            copied: the items that were in the new collection when the alias was moved.
            limits: the server's limits.
            model: the id of the new collection's model.
        """
        self._client = client
        self._plan = plan
        self.copied = copied
        self.waiting: set[str] = set()
        self.written: set[str] = set()
        self._max_items = min(LATE_ITEMS, limits.max_batch_items, limits.max_page_size)
        self._limits = limits
        self._model = model

    def miss(self, ids: set[str]) -> None:
        """Leave these items to the next pass."""
        self.waiting |= ids

    def prepared(self, item: Item) -> Item | ItemError:
        """Return the item with its embedding in place of its content, or its error."""
        if isinstance(item.image, bytes) and len(item.image) > self._limits.max_image_bytes:
            message = (
                f"picture is {len(item.image)} bytes; the limit is {self._limits.max_image_bytes}"
            )
            return ItemError(0, item.id, "RESOURCE_EXHAUSTED", "IMAGE_TOO_LARGE", message)
        try:
            result = (
                self._client.embed_images([item.image], priority="bulk", model=self._model)
                if item.image is not None
                else self._client.embed_texts([item.text or ""], priority="bulk", model=self._model)
            )
        except InvalidRequestError as error:  # can't be sent, like a text with a lone surrogate
            return ItemError(0, item.id, error.code, error.reason, error.message)
        [embedding] = result.embeddings
        if embedding is None:
            return dataclasses.replace(result.errors[0], id=item.id)
        return dataclasses.replace(item, text=None, image=None, embedding=embedding)

    def write(self, items: Iterator[Item], note: Note) -> None:
        """Write the items unless the new collection has newer ones.

        Raises:
            TihuaError: the server can't be asked, or refuses.
        """
        total = 0
        while portion := list(islice(items, self._max_items)):
            written, errors = self._write(portion)
            total += written
            note(total, errors)

    def _write(self, items: Sequence[Item]) -> tuple[int, tuple[ItemError, ...]]:
        """Return the number of items written, and the errors of those that were refused."""
        kinds = self._kinds([item.id for item in items])
        late = [item for item in items if item.id in kinds and kinds[item.id] != "delete"]
        if not late:
            return 0, ()
        result = self._client.upsert(late, collection=self._plan.target)
        self.written |= {item.id for item in late} - {error.id for error in result.errors}
        return result.written, result.errors

    def delete(self, page: Sequence[Change]) -> int:
        """Delete items that were copied and then deleted from the old one; return how many."""
        ids = [change.id for change in page if change.kind == "delete"]
        kinds = self._kinds(ids) if ids else {}
        gone = [item_id for item_id in ids if kinds.get(item_id) == "delete"]
        if not gone:
            return 0
        return self._client.delete_items(gone, collection=self._plan.target)

    def _kinds(self, ids: Sequence[str]) -> dict[str, ChangeKind]:
        """Return the actions for some ids, without those that must wait for the next pass."""
        source, target = self._plan.source, self._plan.target
        olds, news = list(self._listed(source, ids)), list(self._listed(target, ids))
        kinds: dict[str, ChangeKind] = {
            change.id: change.kind
            for change in changes(olds, news, self.copied)
            if change.kind != "keep"
        }
        if not kinds:
            return kinds
        latest = self._client.get_items(list(kinds), fields=("update_time",), collection=target)
        then = {item.id: item for item in news}
        now = {item.id: item for item in latest}
        calm: dict[str, ChangeKind] = {
            key: kind for key, kind in kinds.items() if then.get(key) == now.get(key)
        }
        self.waiting |= kinds.keys() - calm.keys()
        return calm

    def _listed(self, collection: str, ids: Sequence[str]) -> Iterator[Item]:
        return self._client.list_items(
            filter="id in {ids}",
            params={"ids": list(ids)},
            fields=("update_time",),
            page_size=len(ids),
            collection=collection,
        )
