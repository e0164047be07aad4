"""Inputs wait in the order in which they are due."""

from tihua_server.batching.batch import Entry
from tihua_server.batching.waiting import Waiting


async def test_what_is_due_at_once_leaves_by_itself() -> None:
    """Of inputs that are due at the same moment only the given one is removed."""
    waiting: Waiting[str, str] = Waiting()
    entries = [
        Entry[str, str](name, 1, 0.0, due_s=due_s)
        for name, due_s in (("b1", 2), ("c", 3), ("b2", 2), ("a", 1), ("b3", 2))
    ]
    for entry in entries:
        waiting.put(entry)
    assert [entry.value for entry in waiting.entries] == ["a", "b1", "b2", "b3", "c"]
    assert waiting.count_due(2) == 4
    waiting.take_out(entries[2])
    waiting.take_out(entries[2])  # is gone already
    assert [entry.value for entry in waiting.entries] == ["a", "b1", "b3", "c"]
