"""Writes what came too late to be copied to a collection that others write to as well.

No store can write an item only if it has no newer one. So everything that takes time is done first:
the content is read and embedded, and both collections are listed again, which takes 200 ms because
lists are strongly consistent. Finally the new collection is asked for the items by id, which takes
some milliseconds and sees whatever the same server wrote. What is still to be done then is done at
once, and what has changed between the two answers waits for the next pass.

What remains are those milliseconds, or 200 for writes by another server: if somebody else writes an
item to the new collection in just that moment, the late one may replace it.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tihua._reindex_changes import ChangeKind, Copied, changes
from tihua._reindex_plan import Plan
from tihua._server_types import Limits
from tihua._types import Item, ItemError
from tihua.errors import InvalidRequestError

if TYPE_CHECKING:
    from tihua._client import Client

LATE_ITEMS = 16
"""Items that are compared and written in one call, if the server's limits allow as many: few, so
that it is short."""


class Late:
    """Embeds, compares and writes; safe to use from several threads.

    Attributes:
        copied: what of the old collection has been in the new one.
        waiting: ids of the items that are left to the next pass.
        written: ids of the items that were written.
        max_items: how many items `write` takes.
    """

    def __init__(
        self, client: "Client", plan: Plan, copied: Copied, limits: Limits, *, model: str
    ) -> None:
        """Prepare.

        Args:
            client: of the server.
            plan: which collections they are.
            copied: what was in the new one when the alias was moved.
            limits: of the server.
            model: the id of the new one's.
        """
        self._client = client
        self._plan = plan
        self.copied = copied
        self.waiting: set[str] = set()
        self.written: set[str] = set()
        self.max_items = min(LATE_ITEMS, limits.max_batch_items, limits.max_page_size)
        self._limits = limits
        self._model = model

    def embedded(self, item: Item) -> Item | ItemError:
        """Return the item with its embedding in place of its content, or why there is none."""
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
        except InvalidRequestError as error:  # it can't be sent, like a text with a lone surrogate
            return ItemError(0, item.id, error.code, error.reason, error.message)
        [embedding] = result.embeddings
        if embedding is None:
            return dataclasses.replace(result.errors[0], id=item.id)
        return dataclasses.replace(item, text=None, image=None, embedding=embedding)

    def write(self, items: Sequence[Item]) -> tuple[int, tuple[ItemError, ...]]:
        """Write the items of which the new collection has nothing newer.

        Returns:
            How many were written, and those that were refused.
        """
        kinds = self._kinds([item.id for item in items])
        late = [item for item in items if item.id in kinds and kinds[item.id] != "delete"]
        if not late:
            return 0, ()
        result = self._client.upsert(late, collection=self._plan.target)
        self.written |= {item.id for item in late} - {error.id for error in result.errors}
        return result.written, result.errors

    def delete(self, ids: Sequence[str]) -> int:
        """Remove what was copied and then deleted from the old collection; return how many."""
        kinds = self._kinds(ids)
        gone = [item_id for item_id in ids if kinds.get(item_id) == "delete"]
        if not gone:
            return 0
        return self._client.delete_items(gone, collection=self._plan.target)

    def _kinds(self, ids: Sequence[str]) -> dict[str, ChangeKind]:
        """Return what is to be done about some ids now."""
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
