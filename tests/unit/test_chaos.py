"""The soak's own books: the ledger finds what is lost and doubled, memory and health are judged."""

import itertools
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from chaos.entries import Entry, entries
from chaos.health_watch import HealthWatch, Look
from chaos.ledger import Ledger, Verdict
from chaos.outcome import MAX_GROWTH_BYTES, Memory, Outcome
from chaos.shelf import Shelf
from tihua.v1 import types_pb2

DIM = 8
MIB = 2**20


class StaticShelf:
    """A store that holds what a test says."""

    dim = DIM

    def __init__(self, *held: Entry) -> None:
        """Hold these entries; the same id may come twice."""
        self.held = list(held)
        self.more = 0

    def items(self, *fields: str) -> Iterator[types_pb2.Item]:
        """Yield what is held."""
        return (entry.message(DIM) for entry in self.held)

    def get(self, ids: Sequence[str]) -> Iterator[types_pb2.Item]:
        """Yield those of these."""
        return (entry.message(DIM) for entry in self.held if entry.id in ids)

    def count(self) -> int:
        """Return how many rows there are."""
        return len({entry.id for entry in self.held}) + self.more

    def nearest(self, embedding: npt.NDArray[np.float32], limit: int) -> list[str]:
        """Return all."""
        return [entry.id for entry in self.held]


def checked(ledger: Ledger, shelf: StaticShelf) -> Verdict:
    """Check a store at rest."""
    return ledger.check(cast("Shelf", shelf), at_rest=True)


@pytest.fixture
def ledger() -> Ledger:
    """A ledger of three items, one of which was replaced, and one that nobody promised."""
    ledger = Ledger()
    written = [Entry("a-1", 1), Entry("a-2", 1), Entry("a-1", 2), Entry("a-3", 1)]
    for entry in [*written, Entry("a-4", 1), Entry("a-2", 2)]:
        ledger.sent(entry)
    ledger.acknowledged(written)
    return ledger


def test_what_was_promised_is_sound(ledger: Ledger) -> None:
    """A newer version that was sent and not acknowledged is as good; so is an item of that kind."""
    shelf = StaticShelf(Entry("a-1", 2), Entry("a-2", 2), Entry("a-3", 1), Entry("a-4", 1))
    verdict = checked(ledger, shelf)
    assert verdict.is_sound, verdict
    assert (verdict.items, verdict.writes) == (3, 4)


@pytest.mark.parametrize(
    ("held", "lost"),
    [
        ([Entry("a-1", 2), Entry("a-2", 1)], "a-3"),
        ([Entry("a-1", 1), Entry("a-2", 1), Entry("a-3", 1)], "a-1"),
        ([Entry("a-1", 2), Entry("a-2", 1), Entry("a-3", 7)], "a-3"),
    ],
    ids=["absent", "older", "never sent"],
)
def test_an_item_that_is_not_as_promised_is_lost(
    ledger: Ledger, held: Sequence[Entry], lost: str
) -> None:
    """The verdict names it."""
    verdict = checked(ledger, StaticShelf(*held))
    assert list(verdict.lost) == [lost]
    assert lost in str(verdict)


def test_an_item_with_the_embedding_of_another_is_lost(ledger: Ledger) -> None:
    """Its metadata are right, and nobody would find it."""

    class Mixed(StaticShelf):
        def items(self, *fields: str) -> Iterator[types_pb2.Item]:
            for item in super().items(*fields):
                if item.id == "a-3":
                    item.embedding.data = Entry("a-1", 1).embedding(DIM).tobytes()
                yield item

    verdict = checked(ledger, Mixed(Entry("a-1", 2), Entry("a-2", 1), Entry("a-3", 1)))
    assert list(verdict.lost) == ["a-3"]


def test_an_id_that_comes_twice_is_doubled(ledger: Ledger) -> None:
    """Listed twice, or counted more often than listed."""
    held = [Entry("a-1", 2), Entry("a-2", 1), Entry("a-3", 1)]
    twice = checked(ledger, StaticShelf(*held, Entry("a-3", 1)))
    assert twice.doubled == ["a-3"]
    counted = StaticShelf(*held)
    counted.more = 1
    assert "4 are counted and 3 listed" in str(checked(ledger, counted).doubled)


def test_entries_are_new_ids_and_newer_versions() -> None:
    """The same seed gives the same; no version comes twice, and none is older than before."""
    first = list(itertools.islice(entries("x", 5, max_ids=50), 500))
    assert first == list(itertools.islice(entries("x", 5, max_ids=50), 500))
    assert len({entry.id for entry in first}) == 50
    versions: dict[str, int] = {}
    for entry in first:
        assert entry.version == versions.get(entry.id, 0) + 1
        versions[entry.id] = entry.version
        assert Entry.parsed(str(entry)) == entry


@pytest.mark.parametrize(
    ("after", "is_back"),
    [(500 * MIB + MAX_GROWTH_BYTES, True), (531 * MIB, False), (100 * MIB, True)],
)
def test_memory_is_back_within_a_bound(after: int, is_back: bool) -> None:
    """30 MiB or 5 %, whichever is more; less is always well."""
    assert Memory(before=500 * MIB, after=after).is_back is is_back
    assert Memory(before=1000 * MIB, after=1049 * MIB).is_back


def test_health_is_judged_by_what_was_true() -> None:
    """The longest time for which it was wrong counts; nobody there, or no room, is no lie."""
    watch = HealthWatch("localhost:1", "c", DIM)
    watch.looks = [
        Look(0.0, "SERVING", works=True),
        Look(1.0, "SERVING", works=False),
        Look(4.0, "SERVING", works=False),
        Look(5.0, "NOT_SERVING", works=False),
        Look(6.0, "", works=False),
        Look(7.0, "SERVING", works=None),
        Look(8.0, "NOT_SERVING", works=True),
        Look(9.5, "NOT_SERVING", works=True),
        Look(10.0, "SERVING", works=True),
    ]
    assert watch.longest_lie_s() == (3.0, "SERVING while no search was answered")


def test_an_outcome_names_everything_that_is_wrong() -> None:
    """Lost items, grown memory, untrue health, and what the fault itself found."""
    outcome = Outcome(
        what="a fault",
        cycles=1,
        verdict=Verdict(2, 3, {"a": "not there"}, []),
        memory=Memory(0, 100 * MIB),
        lie_s=60.0,
        lie="SERVING while no search was answered",
        problems=["3 queries failed"],
    )
    wrong = " ".join(outcome.faults())
    for words in ("1 lost", "100 MiB", "for 60 s", "3 queries failed"):
        assert words in wrong
