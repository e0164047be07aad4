"""Where faults happen: a folder, a seed, a scale, and how a run begins and ends for all of them."""

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
    """A fault can't be had on this machine; the message is why."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every fault is given.

    Attributes:
        folder: empty, for whatever it writes.
        choice: decides every moment and seed; the same seed, the same decisions.
        scale: how much of everything.
        tell: takes a line for people.
    """

    folder: Path
    choice: random.Random
    scale: Scale
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """A server with a collection, and the books about it.

    Attributes:
        shelf: what is in the collection.
        dim: of its embeddings.
        ledger: what was acknowledged.
    """

    shelf: Shelf
    dim: int
    ledger: Ledger

    def check(self, *, at_rest: bool) -> Verdict:
        """Compare the store with the ledger."""
        return self.ledger.check(self.shelf, at_rest=at_rest)


@contextlib.contextmanager
def real_milvus(folder: Path, settings: Mapping[str, str] = {}) -> "Iterator[MilvusServer]":
    """Run a Milvus server, with settings as `MilvusServer` takes them.

    Raises:
        Skipped: it is not installed.
    """
    try:
        from milvus_server import running_milvus
    except ImportError as error:
        raise Skipped("no Milvus is installed; `make chaos` installs one") from error
    with running_milvus(folder, settings) as milvus:
        yield milvus


@contextlib.contextmanager
def subject(address: str) -> Iterator[Subject]:
    """Make the collection on a server that runs, and open the books."""
    with tihua.Client(address, collection=COLLECTION, timeout=60) as client:
        dim = client.create_collection(shards=1).dim
        client.search(text="暖身")
    with grpc.insecure_channel(address, OPTIONS) as channel:
        yield Subject(Shelf(channel, COLLECTION, dim), dim, Ledger())
