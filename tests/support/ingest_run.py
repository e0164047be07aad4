"""Ingests by either client, and their progress."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tihua import AsyncClient, Client, IngestProgress, IngestSummary, Item, WriteMode
from tihua.errors import TihuaError


@dataclass
class Run:
    """One ingest by one of the clients, and the progress that it reported."""

    is_async: bool
    progress: list[IngestProgress] = field(default_factory=list)

    def __call__(
        self,
        address: str,
        items: Iterable[Item],
        *,
        collection: str = "c",
        mode: WriteMode = "upsert",
        batch_size: int = 2,
        session_id: str | None = None,
        reconnect_timeout: float = 20.0,
        on_break: Callable[[TihuaError], None] | None = None,
        is_source_slow: bool = False,
    ) -> IngestSummary:
        """Ingest the items; a source of them that is slow does not block the event loop."""
        options: dict[str, Any] = {
            "mode": mode,
            "batch_size": batch_size,
            "session_id": session_id,
            "on_progress": self.progress.append,
            "on_break": on_break,
            "reconnect_timeout": reconnect_timeout,
        }
        if self.is_async:
            source = in_thread(iter(items)) if is_source_slow else items
            return asyncio.run(self._run_async(address, source, collection, options))
        with Client(address, collection=collection) as client:
            return client.ingest(items, **options)

    async def _run_async(
        self,
        address: str,
        items: Iterable[Item] | AsyncIterable[Item],
        collection: str,
        options: dict[str, Any],
    ) -> IngestSummary:
        async with AsyncClient(address, collection=collection) as client:
            return await client.ingest(items, **options)

    @property
    def errors(self) -> list[tuple[int, str, str]]:
        """Return position, id and reason of all reported failures."""
        return [
            (error.index, error.id, error.reason)
            for progress in self.progress
            for error in progress.errors
        ]


async def in_thread(items: Iterator[Item]) -> AsyncIterator[Item]:
    """Yield the items; each is awaited from a thread."""
    while (item := await asyncio.to_thread(next, items, None)) is not None:
        yield item


def items(count: int) -> list[Item]:
    """Return small items."""
    return [Item(f"item-{number}", text="一") for number in range(count)]


def ids(count: int) -> list[str]:
    """Return their ids."""
    return [f"item-{number}" for number in range(count)]
