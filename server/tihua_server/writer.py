"""A batch of new items → rows in the store: check, embed, write.

Used by `UpsertItems` for its one batch and by `ingester.py` for each batch of a stream, which
embeds and writes separately so that the two overlap.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import TypeAlias

from tihua_server.collection import CollectionSpec
from tihua_server.config import Limits
from tihua_server.draft import UNKNOWN_TIME, Draft
from tihua_server.errors import AlreadyExists, CollectionMoved, NotFound, ServiceError
from tihua_server.item import Item
from tihua_server.lane import Lane
from tihua_server.search_params import Fields
from tihua_server.served_models import ServedModels
from tihua_server.stages import Stages, longest
from tihua_server.turns import Turns
from tihua_server.types import Content, ModelRef
from tihua_server.vector_store import VectorStore


class WriteMode(Enum):
    """What to do with an id that is already stored; see `ingest_service.proto`."""

    UPSERT = "upsert"
    INSERT_ONLY = "insert-only"
    SKIP_EXISTING = "skip-existing"


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that was not written: its position in the batch, its id and the reason."""

    index: int
    id: str
    error: ServiceError


@dataclass(frozen=True, slots=True)
class Target:
    """Where a batch goes.

    Attributes:
        name: as the caller named it; may be an alias.
        spec: of the collection that it led to when the batch was embedded, by that one's model.
    """

    name: str
    spec: CollectionSpec


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that is ready to be written.

    Attributes:
        target: where to write it.
        items: what to write.
        failures: what can't be written, by position.
        skipped: how many are left as they were, in mode SKIP_EXISTING.
        already_written: how many an earlier attempt at this batch wrote. The four together are
            all that were sent.
        model: the model that embedded them.
        stages: where the time went.
    """

    target: Target
    items: list[Item]
    failures: list[Failure]
    skipped: int
    already_written: int
    model: ModelRef
    stages: Stages


_Good: TypeAlias = tuple[int, Draft, Content]
"""A draft that can be embedded, behind its place in the batch."""


class Writer:
    """Prepares and writes items."""

    def __init__(self, models: ServedModels, store: VectorStore, limits: Limits) -> None:
        """Take the models, the store and the bounds on an item."""
        self._models = models
        self._store = store
        self._limits = limits

    async def prepare(
        self,
        collection: str,
        drafts: Sequence[Draft],
        *,
        model: str = "",
        mode: WriteMode = WriteMode.UPSERT,
        earlier: Collection[asyncio.Task["Prepared"]] = (),
        lane: Lane = Lane.INTERACTIVE,
        wait: bool = False,
    ) -> Prepared:
        """Check and embed a batch; a bad item is a failure of its own.

        Args:
            collection: where they will be written; looked into unless the mode is UPSERT.
            drafts: the items.
            model: the model that the request names; empty means the collection's.
            mode: what to do with an id that is already there.
            earlier: batches that are written before this one, and have an id of it; for other modes
                than UPSERT. They are waited for: an item that they embedded counts as there, and
                one that they could not does not.
            lane: which inputs go first.
            wait: if the model's queue is full, wait for room instead of refusing.

        Raises:
            NotFound: there is no such collection or model.
            ModelMismatch: the collection was made with another model, or one that is not served.
            Overloaded: the queue is full.
        """
        target = Target(collection, await self._store.spec(collection))
        embedder = self._models.of(target.spec, model)
        failures: list[Failure] = []
        good: list[_Good] = []
        turns = Turns()
        for index, draft in enumerate(drafts):
            try:
                good.append((index, draft, draft.checked(self._limits)))
            except ServiceError as error:
                failures.append(Failure(index, draft.id, error.detached()))
            await turns.pause()
        already_written = 0
        left: list[tuple[int, Draft]] = []  # their ids are there, or were before them in the batch
        if mode is not WriteMode.UPSERT:
            there = await self._existing([draft.id for _, draft, _ in good], target, earlier)
            new = []
            for index, draft, content in good:
                if draft.id not in there:
                    new.append((index, draft, content))
                elif draft.origin and there[draft.id] == draft.origin:
                    already_written += 1
                else:
                    left.append((index, draft))
            good = new
        items: list[Item] = []
        stages: list[Stages] = []
        while good:
            # Of several with one id the next is wanted only if the one before it can't be had.
            turn, good = (good, []) if mode is WriteMode.UPSERT else _first_of_each_id(good)
            contents = [content for _, _, content in turn]
            embedded = await embedder.embed(contents, lane=lane, wait=wait)
            stages.append(embedded.stages)
            for (index, draft, _), row in zip(turn, embedded.rows, strict=True):
                if isinstance(row, ServiceError):
                    failures.append(Failure(index, draft.id, row.detached()))
                else:
                    items.append(draft.item(row))
            had = {item.id for item in items}
            left += [(index, draft) for index, draft, _ in good if draft.id in had]
            good = [each for each in good if each[1].id not in had]
        skipped = 0
        if mode is WriteMode.SKIP_EXISTING:
            skipped = len(left)
        else:
            failures += [
                Failure(index, draft.id, _already_exists(draft.id, collection))
                for index, draft in left
            ]
        failures.sort(key=lambda failure: failure.index)
        return Prepared(
            target, items, failures, skipped, already_written, embedder.model.ref, longest(stages)
        )

    async def write(self, target: Target, items: Sequence[Item]) -> None:
        """Write items; of several with one id the last is kept.

        Raises:
            CollectionMoved: the name leads to another collection now, one of another name or of
                another model; nothing is written.
        """
        now = datetime.now(UTC)
        latest = {item.id: _dated(item, now) for item in items}
        if not latest:
            return
        # 1 ms of Milvus Lite, where 256 items take some 200.
        _require_unmoved(target, await self._store.spec(target.name, is_fresh=True))
        try:
            await self._store.upsert(target.spec.name, list(latest.values()))
        except NotFound:
            # It was renamed a moment ago.
            _require_unmoved(target, await self._store.spec(target.name, is_fresh=True))
            raise

    async def _existing(
        self, ids: Sequence[str], target: Target, earlier: Collection[asyncio.Task[Prepared]]
    ) -> dict[str, str]:
        """Return the origin of each item that is there or on its way; empty where it is unknown."""
        if not ids:
            return {}
        on_their_way: dict[str, str] = {}
        if earlier:
            await asyncio.wait(earlier)
            on_their_way = {item.id: "" for task in earlier for item in task.result().items}
        bare = Fields(uri=False, metadata=False, embedding=False, origin=True)
        # Another server may have begun the session, or have written them a moment ago.
        wanted = list(dict.fromkeys(ids))
        stored = await self._store.get(target.spec.name, wanted, bare, is_fresh=True)
        return on_their_way | {item.id: item.origin for item in stored}


def _require_unmoved(target: Target, spec: CollectionSpec) -> None:
    was = target.spec
    if (spec.name, spec.model) != (was.name, was.model):
        raise CollectionMoved(
            f"{target.name} led to the collection {was.name} of {was.model.id}, and leads to "
            f"{spec.name} of {spec.model.id} now: send it again",
            metadata={"previous_collection": was.name, "collection": spec.name},
        )


def _dated(item: Item, now: datetime) -> Item:
    if item.update_time is None:
        return replace(item, update_time=now)
    return replace(item, update_time=None) if item.update_time == UNKNOWN_TIME else item


def _first_of_each_id(drafts: Sequence[_Good]) -> tuple[list[_Good], list[_Good]]:
    """Return the first draft of each id, and the others."""
    ids: set[str] = set()
    first: list[_Good] = []
    others: list[_Good] = []
    for each in drafts:
        (others if each[1].id in ids else first).append(each)
        ids.add(each[1].id)
    return first, others


def _already_exists(item_id: str, collection: str) -> AlreadyExists:
    return AlreadyExists(
        f"collection {collection} has an item {item_id!r}; use upsert to replace it",
        reason="ITEM_EXISTS",
    )
