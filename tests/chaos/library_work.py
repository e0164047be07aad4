"""Writes as a user does, with `Client.ingest`, and trusts what `on_progress` reports as safe."""

from collections import deque
from collections.abc import Iterator

import tihua

from chaos.entries import Entry
from chaos.ledger import Books
from chaos.patience import PATIENCE_S


class LibraryWork:
    """Writes with `tihua.Client.ingest`."""

    def __init__(self, address: str, collection: str, dim: int) -> None:
        """Write to `collection`, whose embeddings have length `dim`."""
        self._address = address
        self._collection = collection
        self._dim = dim

    def __call__(self, source: Iterator[Entry], books: Books) -> None:
        """Write all entries in one ingest, whose progress counts them in order."""
        given: deque[Entry] = deque()
        told = 0

        def items() -> Iterator[tihua.Item]:
            for entry in source:
                given.append(entry)
                yield entry.item(self._dim)

        def note(progress: tihua.IngestProgress) -> None:
            nonlocal told
            assert not progress.errors, progress.errors[0].message
            books.acknowledged(given.popleft() for _ in range(progress.written - told))
            told = progress.written

        with tihua.Client(self._address, collection=self._collection) as client:
            summary = client.ingest(items(), on_progress=note, reconnect_timeout=PATIENCE_S)
        assert summary.sent == told, f"{summary.sent} sent, {told} told of"
        assert not given, f"{len(given)} were given and never acknowledged"
