"""The environment of a fault: a folder, a seed, a scale, and how every run starts and ends."""

import contextlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import tihua

from chaos.ledger import Ledger, Verdict
from chaos.patience import OPTIONS
from chaos.scale import Scale
from chaos.shelf import Shelf

if TYPE_CHECKING:
    from milvus_server import MilvusServer

COLLECTION = "soak"


class Skipped(Exception):
    """This machine can't produce the fault; the message says why."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every fault is given.

    Attributes:
        folder: empty; for everything the fault writes.
        choice: picks every moment and seed, reproducibly.
        scale: how much of everything.
        tell: prints a progress line.
    """

    folder: Path
    choice: random.Random
    scale: Scale
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """A server with a collection, and the ledger of what was written to it.

    Attributes:
        shelf: what is in the collection.
        dim: of its embeddings.
        ledger: what was sent and acknowledged.
    """

    shelf: Shelf
    dim: int
    ledger: Ledger

    def check(self, *, at_rest: bool) -> Verdict:
        """Compare the store with the ledger."""
        return self.ledger.check(self.shelf, at_rest=at_rest)


@contextlib.contextmanager
def real_milvus(folder: Path, settings: Mapping[str, str] = {}) -> "Iterator[MilvusServer]":
    """Run a Milvus server; `settings` as for `MilvusServer`.

    Raises:
        Skipped: Milvus is not installed.
    """
    try:
        from milvus_server import running_milvus
    except ImportError as error:
        raise Skipped("no Milvus is installed; `make chaos` installs one") from error
    with running_milvus(folder, settings) as milvus:
        yield milvus


@contextlib.contextmanager
def subject(address: str) -> Iterator[Subject]:
    """Create the collection on a running server, and start an empty ledger."""
    with tihua.Client(address, collection=COLLECTION, timeout=60) as client:
        dim = client.create_collection(shards=1).dim
        client.search(text="暖身")
    with grpc.insecure_channel(address, OPTIONS) as channel:
        yield Subject(Shelf(channel, COLLECTION, dim), dim, Ledger())
