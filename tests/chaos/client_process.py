"""A client in a separate process that may be killed; it reports its progress line by line.

sent ID@VERSION             before it is sent
acknowledged ID@VERSION …   after the acknowledgement has been read
"""

import itertools
import sys
import time
from collections.abc import Iterable, Iterator

import click

from chaos.entries import Entry, entries
from chaos.stub_work import StubWork

ENTRIES = 240
"""Entries that one client writes."""

MAX_IDS = 200
PAUSE_S = 0.002


class SpokenLedger:
    """Prints every event that a ledger would record."""

    def sent(self, entry: Entry) -> None:
        """Print that an entry is about to be sent."""
        click.echo(f"sent {entry}")

    def acknowledged(self, entries: Iterable[Entry]) -> None:
        """Print that entries are safe."""
        click.echo(" ".join(["acknowledged", *map(str, entries)]))


def paced(ledger: SpokenLedger, generation: int) -> Iterator[Entry]:
    """Yield the entries of a generation; their versions are newer than the previous one's."""
    source = entries("client", generation, MAX_IDS, first_version=1 + generation * 1_000)
    for entry in itertools.islice(source, ENTRIES):
        ledger.sent(entry)
        yield entry
        time.sleep(PAUSE_S)


def main() -> None:
    """Write the entries of a generation, in a session that another process may have started."""
    address, collection, dim, session_id, generation = sys.argv[1:]
    ledger = SpokenLedger()
    work = StubWork(address, collection, int(dim), session_id=session_id)
    work(paced(ledger, int(generation)), ledger)


if __name__ == "__main__":
    main()
