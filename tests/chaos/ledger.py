"""Records what was acknowledged, and checks that the store has it.

An entry is acknowledged once the client has read an `IngestAck` that covers it, or its UpsertItems
returned OK. An acknowledged entry is lost if the store lacks its id, or has an older version of it,
or the embedding of another entry. An id is doubled if a listing or a search shows it twice, or if
the store counts more items than it lists.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from tihua.v1 import types_pb2

from chaos.entries import Entry
from chaos.shelf import Shelf

MAX_DISTANCE = 1e-3
"""Largest difference, per element, between a sent and a stored embedding, which is normalized."""

SEARCHES = 5
"""Searches per check."""

HITS = 50
"""Hits per search."""

MAX_TOLD = 5
"""Lost ids, and doubled ids, that a verdict names."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        items: number of ids of which some version was acknowledged.
        writes: number of acknowledged entries, counting every version.
        lost: what is wrong with each lost entry, by id.
        doubled: ids that the store has more than once.
    """

    items: int
    writes: int
    lost: Mapping[str, str]
    doubled: Sequence[str]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is lost and nothing doubled."""
        return not self.lost and not self.doubled

    def __str__(self) -> str:
        """Return a one-line summary that names some of the ids."""
        told = [f"lost {item_id}: {how}" for item_id, how in self.lost.items()][:MAX_TOLD]
        told += [f"doubled {item_id}" for item_id in self.doubled[:MAX_TOLD]]
        line = f"{self.items} items, {len(self.lost)} lost, {len(self.doubled)} doubled"
        return "; ".join([line, *told])


class Books(Protocol):
    """Receives every entry that is sent or acknowledged."""

    def sent(self, entry: Entry) -> None:
        """Record an entry before it is sent."""

    def acknowledged(self, entries: Iterable[Entry]) -> None:
        """Record entries that were acknowledged."""


class Ledger:
    """Records what was sent and what was acknowledged; thread-safe."""

    def __init__(self) -> None:
        """Start empty."""
        self._changed = threading.Condition()
        self._sent: dict[str, int] = {}
        self._acknowledged: dict[str, int] = {}
        self._writes = 0

    @property
    def writes(self) -> int:
        """Number of entries acknowledged so far."""
        return self._writes

    @property
    def newest(self) -> int:
        """The highest version sent of any item."""
        with self._changed:
            return max(self._sent.values(), default=0)

    def sent(self, entry: Entry) -> None:
        """Record an entry before it is sent."""
        with self._changed:
            self._sent[entry.id] = max(entry.version, self._sent.get(entry.id, 0))

    def acknowledged(self, entries: Iterable[Entry]) -> None:
        """Record entries that were acknowledged."""
        with self._changed:
            for entry in entries:
                known = self._acknowledged.get(entry.id, 0)
                self._acknowledged[entry.id] = max(entry.version, known)
                self._writes += 1
            self._changed.notify_all()

    def wait_for(self, writes: int, timeout_s: float) -> None:
        """Wait until `writes` entries are acknowledged.

        Raises:
            AssertionError: this takes longer than `timeout_s`.
        """
        with self._changed:
            is_there = self._changed.wait_for(lambda: self._writes >= writes, timeout_s)
            assert is_there, f"{self._writes} of {writes} writes came within {timeout_s:g} s"

    def check(self, shelf: Shelf, *, at_rest: bool) -> Verdict:
        """Compare the store with what was acknowledged before the call.

        Args:
            shelf: what is in the store.
            at_rest: nothing is written during the check, so that counts can be compared; this
                also compares the embeddings, which takes a while.
        """
        with self._changed:
            promised, writes = dict(self._acknowledged), self._writes
        versions: dict[str, int] = {}
        lost: dict[str, str] = {}
        doubled: set[str] = set()
        for item in shelf.items("metadata", *(["embedding"] if at_rest else [])):
            if item.id in versions:
                doubled.add(item.id)
            versions[item.id] = _version(item)
            if why := self._is_other(item, shelf.dim):
                lost[item.id] = why
        late = [item_id for item_id in promised if versions.get(item_id, 0) < promised[item_id]]
        # A listing takes seconds, and may miss an item that is replaced while it runs.
        again = {item.id: _version(item) for item in shelf.get(late)}
        lost |= {
            item_id: f"version {promised[item_id]} was acknowledged, {again.get(item_id)} is there"
            for item_id in late
            if again.get(item_id, 0) < promised[item_id]
        }
        for item_id in sorted(versions)[:: len(versions) // SEARCHES + 1]:
            query = Entry(item_id, versions[item_id]).embedding(shelf.dim)
            hits = Counter(shelf.nearest(query, HITS))
            doubled |= {hit for hit, times in hits.items() if times > 1}
        told = sorted(doubled)
        if at_rest and (count := shelf.count()) != len(versions):
            told.append(f"something: {count} are counted and {len(versions)} listed")
        return Verdict(len(promised), writes, lost, told)

    def _is_other(self, item: types_pb2.Item, dim: int) -> str:
        """Return why an item can't be one that was sent, or an empty string."""
        entry = Entry(item.id, _version(item))
        if entry.version > self._sent.get(entry.id, 0):
            return f"version {entry.version} was never sent"
        if entry.is_text or not item.HasField("embedding"):
            return ""
        stored = np.frombuffer(item.embedding.data, "<f4")
        distance = float(np.abs(stored - entry.embedding(dim)).max())
        return "" if distance < MAX_DISTANCE else f"version {entry.version} is another's embedding"


def _version(item: types_pb2.Item) -> int:
    version = item.metadata["version"]
    assert isinstance(version, float)
    return int(version)
