"""All writers and readers at once: what a fault happens to.

A server that has worked holds more memory than one that has just started: 70 MiB or so in buffers
and pools. So memory is compared between servers that have done the same work.
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
    """Write in three ways and search, until the end of the block; give what became of searches.

    Args:
        address: of the server, or of several as gRPC knows them.
        it: the collection and the books.
        ground: gives seeds, how fast to write, and how many ids; a later load goes on with newer
            versions of the same.
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
    """Have a server write and search for a while, without any fault."""
    with load(address, it, ground):
        it.ledger.wait_for(it.ledger.writes + ground.scale.work, PATIENCE_S)


def memory_of_survivor(server: Server, it: Subject, ground: Ground) -> Memory:
    """Return what a server holds that recovered, beside one that had a clean start on its data."""
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
    """Return what a server holds that lived through a fault, beside itself after a clean start.

    Args:
        server: has lived through the fault, and is at rest.
        it: the collection and the books.
        ground: as for `load`.
        writes: how many were acknowledged since it started; as many come again, to it alone.
    """
    survivor = server.settled_bytes()
    server.stop()
    server.start()
    with load(server.address, it, ground):
        it.ledger.wait_for(it.ledger.writes + writes, PATIENCE_S)
    it.check(at_rest=True)
    return Memory(before=server.settled_bytes(), after=survivor)
