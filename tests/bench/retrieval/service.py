"""Measures a running service: ingests the pictures, then searches."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import groupby

from rich.progress import Progress
from tihua import AsyncClient, IngestProgress, Item, SearchResult
from tihua_server.training.recall import Recall
from tihua_server.training.retrieval import Gallery, Query, RetrievalTask

from bench.retrieval.outcome import Outcome, Run
from bench.retrieval.rank import find_rank

FEW_QUERIES = 100
"""Tasks with at most this number of queries report the missed ones."""

TIMEOUT_S = 120.0
"""Of a call; generous because the machine may be busy, and the results do not depend on it."""


class IncompleteGalleryError(Exception):
    """Some pictures could not be ingested, so recall over them would be meaningless."""


async def measure(
    address: str, tasks: Sequence[RetrievalTask], progress: Progress, *, in_flight: int
) -> Run:
    """Return how well the service at an address answers the tasks.

    Collections are made for it, with a FLAT index, so that the model is measured and not the index,
    and deleted at the end.

    Args:
        address: host:port.
        tasks: grouped by gallery, so that each gallery is ingested once.
        progress: shows bars.
        in_flight: number of concurrent searches.

    Raises:
        TihuaError: the service refused a call or failed.
        NotFoundInGallery: a search ended without a fitting picture, though it was ingested.
        IncompleteGalleryError: some pictures could not be ingested.
        OSError: a picture can no longer be read.
    """
    started = time.monotonic()
    outcomes = []
    async with AsyncClient(address, timeout=TIMEOUT_S) as client:
        info = await client.server_info()
        for name, group in groupby(tasks, key=lambda task: task.gallery.name):
            over_gallery = list(group)
            collection = f"eval_{name.replace('-', '_')}_{uuid.uuid4().hex[:8]}"
            async with _ingested(client, collection, over_gallery[0].gallery, progress):
                for task in over_gallery:
                    bar = progress.add_task(task.name, total=len(task.queries))
                    ranks = await _ranks(
                        client,
                        collection,
                        task.queries,
                        max_limit=info.limits.max_page_size,
                        in_flight=in_flight,
                        on_answer=partial(progress.advance, bar),
                    )
                    outcomes.append(_outcome(task, ranks))
    return Run(info, tuple(outcomes), time.monotonic() - started)


@asynccontextmanager
async def _ingested(
    client: AsyncClient, collection: str, gallery: Gallery, progress: Progress
) -> AsyncIterator[None]:
    """Make a collection with the pictures of a gallery, and delete it at the end."""
    bar = progress.add_task(f"ingest {gallery.name}", total=len(gallery.pictures))
    failures: list[str] = []

    def show(state: IngestProgress) -> None:
        progress.update(bar, completed=state.written)
        failures.extend(f"{error.id}: {error.message}" for error in state.errors)

    await client.create_collection(collection, index="FLAT", description="of `make eval`")
    try:
        summary = await client.ingest(
            (Item(name, image=file) for name, file in gallery.pictures.items()),
            collection=collection,
            on_progress=show,
        )
        if summary.written != len(gallery.pictures):
            raise IncompleteGalleryError(
                f"{summary.failed} of {len(gallery.pictures)} pictures of {gallery.name} "
                f"were not ingested, the first: {failures[:1]}"
            )
        yield
    finally:
        await client.delete_collection(collection)


async def _ranks(
    client: AsyncClient,
    collection: str,
    queries: Sequence[Query],
    *,
    max_limit: int,
    in_flight: int,
    on_answer: Callable[[], object],
) -> list[int]:
    """Return the rank of the best fitting picture of each query, searching concurrently."""
    ranks = [0] * len(queries)
    waiting = iter(enumerate(queries))

    async def work() -> None:
        for index, query in waiting:

            async def pages(limit: int, token: str, query: Query = query) -> SearchResult:
                content = query.content
                return await client.search(
                    text=content if isinstance(content, str) else None,
                    image=content if isinstance(content, bytes) else None,
                    limit=limit,
                    page_token=token,
                    fields=(),
                    consistency="strong",
                    collection=collection,
                )

            ranks[index] = await find_rank(pages, query.wanted, max_limit=max_limit)
            on_answer()

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(in_flight):
                workers.create_task(work())
    except ExceptionGroup as failures:
        # All workers fail alike, so one of the errors is enough.
        raise failures.exceptions[0] from failures
    return ranks


def _outcome(task: RetrievalTask, ranks: Sequence[int]) -> Outcome:
    missed = [
        query.content
        for query, rank in zip(task.queries, ranks, strict=True)
        if rank > 5 and isinstance(query.content, str)
    ]
    return Outcome(
        task.name,
        len(task.gallery.pictures),
        Recall.of(ranks),
        tuple(missed) if len(task.queries) <= FEW_QUERIES else (),
    )
