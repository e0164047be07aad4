"""A client in a process of its own, which may be killed; it says line by line what it knows.

sent ID@VERSION             before it is sent
acknowledged ID@VERSION …   after the acknowledgement was read
"""

import itertools
import sys
import time
from collections.abc import Iterable, Iterator

import click

from chaos.entries import Entry, entries
from chaos.stub_work import StubWork

ENTRIES = 240
"""What one client writes."""

MAX_IDS = 200
PAUSE_S = 0.002


class SpokenLedger:
    """Says what a ledger is told."""

    def sent(self, entry: Entry) -> None:
        """Say that an entry goes out."""
        click.echo(f"sent {entry}")

    def acknowledged(self, entries: Iterable[Entry]) -> None:
        """Say that entries are safe."""
        click.echo(" ".join(["acknowledged", *map(str, entries)]))


def paced(ledger: SpokenLedger, generation: int) -> Iterator[Entry]:
    """Yield the entries of a generation, newer than those of the one before."""
    source = entries("client", generation, MAX_IDS, first_version=1 + generation * 1_000)
    for entry in itertools.islice(source, ENTRIES):
        ledger.sent(entry)
        yield entry
        time.sleep(PAUSE_S)


def main() -> None:
    """Write the entries of a generation over a session that may have begun elsewhere."""
    address, collection, dim, session_id, generation = sys.argv[1:]
    ledger = SpokenLedger()
    work = StubWork(address, collection, int(dim), session_id=session_id)
    work(paced(ledger, int(generation)), ledger)


if __name__ == "__main__":
    main()
