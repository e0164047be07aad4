"""All writers and readers at once, as the background load of a fault.

A server that has done some work holds about 70 MiB more, in buffers and pools, than one that has
just started. So memory is compared between servers that have done the same work.
"""

import contextlib
from collections.abc import Iterator

from chaos.ground import COLLECTION, Ground, Subject
from chaos.library_work import LibraryWork
from chaos.outcome import Memory
from chaos.patience import PATIENCE_S
from chaos.query_load import QueryLoad
from chaos.server import Server
from chaos.stub_work import StubWork
from chaos.unary_work import UnaryWork
from chaos.writer import Work, Writer

READERS = 2
"""Threads that search."""


@contextlib.contextmanager
def load(address: str, it: Subject, ground: Ground) -> Iterator[QueryLoad]:
    """Write in three ways and search until the end of the block; yield the statistics of searches.

    Args:
        address: of the server, or a gRPC target with several addresses.
        it: the collection and its ledger.
        ground: gives the seeds, the write rate and the number of ids; a later load writes newer
            versions of the same ids.
    """
    works: dict[str, Work] = {
        "library": LibraryWork(address, COLLECTION, it.dim),
        "stub": StubWork(address, COLLECTION, it.dim),
        "unary": UnaryWork(address, COLLECTION, it.dim),
    }
    with contextlib.ExitStack() as stack:
        for name, work in works.items():
            writer = Writer(
                name,
                work,
                it.ledger,
                seed=ground.choice.randrange(2**32),
                entries_per_s=ground.scale.entries_per_s / len(works),
                max_ids=ground.scale.ids // len(works),
                first_version=it.ledger.newest + 1,
            )
            stack.enter_context(writer)
        yield stack.enter_context(QueryLoad(address, COLLECTION, it.dim, threads=READERS))


def work(address: str, it: Subject, ground: Ground) -> None:
    """Let a server handle writes and searches for a while, without any fault."""
    with load(address, it, ground):
        it.ledger.wait_for(it.ledger.writes + ground.scale.work, PATIENCE_S)


def memory_of_survivor(server: Server, it: Subject, ground: Ground) -> Memory | None:
    """Compare the memory of a server that recovered with that after a clean restart.

    Returns:
        None if the scale measures no memory.
    """
    if not ground.scale.measures_memory:
        return None
    sizes = []
    for _ in range(2):
        work(server.address, it, ground)
        it.check(at_rest=True)
        sizes.append(server.settled_bytes())
        server.stop()
        server.start()
    survivor, clean = sizes
    return Memory(before=clean, after=survivor)


def memory_beside_peace(server: Server, it: Subject, ground: Ground, *, writes: int) -> Memory:
    """Compare the memory of a server that survived a fault with that after a clean restart.

    Args:
        server: survived the fault, and is idle.
        it: the collection and its ledger.
        ground: as for `load`.
        writes: entries acknowledged since it started; the restarted one, alone, handles as many.
    """
    survivor = server.settled_bytes()
    server.stop()
    server.start()
    with load(server.address, it, ground):
        it.ledger.wait_for(it.ledger.writes + writes, PATIENCE_S)
    it.check(at_rest=True)
    return Memory(before=server.settled_bytes(), after=survivor)
