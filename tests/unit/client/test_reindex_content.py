"""How many bytes the content of an item is thought to have before it is read."""

import pytest
from tihua import Item
from tihua._reindex_content import held_bytes


def test_what_the_metadata_tells_is_believed() -> None:
    """It is what `tihua ingest` stored."""
    assert held_bytes(Item("a", metadata={"file_bytes": 5_000})) == 5_000


@pytest.mark.parametrize("told", [None, "5000", 0, -(2**40), 0.5])
def test_what_can_be_no_size_is_guessed(told: object) -> None:
    """The metadata may be anybody's; a negative size would make room for more."""
    assert held_bytes(Item("a", metadata={"file_bytes": told})) == 2**20
    assert held_bytes(Item("a")) == 2**20
