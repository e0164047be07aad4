"""A batch of new items → rows in the store: check, embed, write.

Used by `UpsertItems` for its one batch and by `ingester.py` for each batch of a stream, which
embeds and writes separately so that the two overlap.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tihua_server.batching.lane import Lane
from tihua_server.collection import CollectionSpec
from tihua_server.config import Limits
from tihua_server.embedder import Embedder
from tihua_server.errors import CollectionMoved, NotFound, ServiceError
from tihua_server.ingest.candidate import (
    Candidate,
    Failure,
    checked,
    first_of_each_id,
    split_by_origin,
)
from tihua_server.ingest.draft import UNKNOWN_TIME, Draft, WriteMode
from tihua_server.item import Item
from tihua_server.search_params import Fields
from tihua_server.served_models import ServedModels
from tihua_server.stages import Stages, longest
from tihua_server.types import ModelRef
from tihua_server.vector_store import VectorStore


@dataclass(frozen=True, slots=True)
class Target:
    """Where a batch goes.

    Attributes:
        name: as the caller named it; may be an alias.
        spec: the collection that it led to when the batch was embedded, with that one's model.
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
        skipped: how many were skipped because their ids are there, in mode SKIP_EXISTING.
        already_written: how many an earlier attempt at this batch wrote. The four add up to the
            batch.
        model: the model that embedded them.
        stages: the time of each stage.
    """

    target: Target
    items: list[Item]
    failures: list[Failure]
    skipped: int
    already_written: int
    model: ModelRef
    stages: Stages


@dataclass(frozen=True, slots=True)
class _Embedded:
    """What became of candidates; `duplicates` have the id of an earlier one that was embedded."""

    items: list[Item]
    failures: list[Failure]
    duplicates: list[Candidate]
    stages: Stages


class Writer:
    """Prepares and writes items."""

    def __init__(self, models: ServedModels, store: VectorStore, limits: Limits) -> None:
        """Write into `store` what `models` embed, within the bounds on an item."""
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
            collection: where they will be written; their ids are looked up there unless the mode is
                UPSERT.
            drafts: the items.
            model: the model that the request names; empty means the collection's.
            mode: what to do with an id that is already there.
            earlier: batches that are written before this one and share an id with it; for modes
                other than UPSERT. They are awaited: an item that they embedded counts as there, one
                that they could not embed does not.
            lane: the priority.
            wait: if the model's queue is full, wait for room instead of refusing.

        Raises:
            NotFound: there is no such collection or model.
            ModelMismatch: the collection was made with another model, or one that is not served.
            Overloaded: the queue is full.
        """
        target = Target(collection, await self._store.spec(collection))
        embedder = self._models.of(target.spec, model)
        candidates, failures = await checked(drafts, self._limits)
        duplicates: list[Candidate] = []  # their ids are stored, or occurred earlier in the batch
        already_written = 0
        if mode is not WriteMode.UPSERT:
            ids = [candidate.draft.id for candidate in candidates]
            origins = await self._stored_origins(ids, target, earlier)
            candidates, duplicates, already_written = split_by_origin(candidates, origins)
        embedded = await _embedded(candidates, embedder, mode=mode, lane=lane, wait=wait)
        failures += embedded.failures
        duplicates += embedded.duplicates
        skipped = 0
        if mode is WriteMode.SKIP_EXISTING:
            skipped = len(duplicates)
        else:
            failures += [candidate.exists_in(collection) for candidate in duplicates]
        return Prepared(
            target,
            embedded.items,
            sorted(failures, key=lambda failure: failure.index),
            skipped,
            already_written,
            embedder.model.ref,
            embedded.stages,
        )

    async def write(self, target: Target, items: Sequence[Item]) -> None:
        """Write items; of several with one id the last is kept.

        Raises:
            CollectionMoved: the name now leads to a collection of another name or another model;
                nothing is written.
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

    async def _stored_origins(
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


async def _embedded(
    candidates: list[Candidate], embedder: Embedder, *, mode: WriteMode, lane: Lane, wait: bool
) -> _Embedded:
    """Embed candidates: all of them in mode UPSERT, else one of each id."""
    items: list[Item] = []
    failures: list[Failure] = []
    duplicates: list[Candidate] = []
    stages: list[Stages] = []
    left = candidates
    while left:
        # Of several with one id, the next is needed only if the one before it fails.
        turn, left = (left, []) if mode is WriteMode.UPSERT else first_of_each_id(left)
        contents = [candidate.content for candidate in turn]
        embedded = await embedder.embed(contents, lane=lane, wait=wait)
        stages.append(embedded.stages)
        for candidate, row in zip(turn, embedded.rows, strict=True):
            if isinstance(row, ServiceError):
                failures.append(candidate.failed(row))
            else:
                items.append(candidate.draft.item(row))
        done = {item.id for item in items}
        duplicates += [candidate for candidate in left if candidate.draft.id in done]
        left = [candidate for candidate in left if candidate.draft.id not in done]
    return _Embedded(items, failures, duplicates, longest(stages))


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
