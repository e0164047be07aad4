"""Which tokens and pairs get a row."""

import numpy as np
import torch
from tihua_server.tiny_network import FIRST_TOKEN, UNKNOWN, NetworkShape, TextTower
from tihua_server.training.vocabulary import Vocabulary

TEXTS = [np.array([101, *inner, 102]) for inner in ([9, 5, 9, 5], [9, 5], [5, 7])]


def test_every_token_gets_a_row_but_the_marks() -> None:
    """[CLS] and [SEP] say nothing."""
    assert Vocabulary.of(TEXTS, max_pairs=10, min_pair_count=1).tokens == (5, 7, 9)


def test_a_rare_pair_gets_no_row() -> None:
    """Only 9-5 stands there three times; pairs are of rows, not of tokens."""
    five, nine = FIRST_TOKEN, FIRST_TOKEN + 2
    assert Vocabulary.of(TEXTS, max_pairs=10, min_pair_count=3).pairs == ((nine, five),)


def test_the_most_frequent_pairs_come_first() -> None:
    """With room for one, it is the one that stands there most."""
    five, nine = FIRST_TOKEN, FIRST_TOKEN + 2
    assert Vocabulary.of(TEXTS, max_pairs=1, min_pair_count=1).pairs == ((nine, five),)


def test_the_tower_finds_the_rows() -> None:
    """Known tokens have rows of their own, unknown ones share one, marks have none."""
    vocabulary = Vocabulary.of(TEXTS, max_pairs=10, min_pair_count=1)
    tower = TextTower(vocabulary.shape(NetworkShape(character_dim=4, text_hidden=4, dim=4)))
    vocabulary.fill(tower)
    row = tower.character_row
    assert [int(row[token]) for token in (5, 7, 9)] == [FIRST_TOKEN + at for at in range(3)]
    assert int(row[1000]) == UNKNOWN
    assert {int(row[mark]) for mark in (0, 101, 102)} == {0}


def test_what_was_not_seen_says_nothing() -> None:
    """Its row is never trained, and drawn by chance it would speak nonsense."""
    vocabulary = Vocabulary(tokens=(700, 800), pairs=((2, 3),))
    tower = TextTower(vocabulary.shape(NetworkShape(dim=8, character_dim=8, text_hidden=8))).eval()
    vocabulary.fill(tower)
    ids = torch.tensor([[101, 700, 800, 5, 102], [101, 700, 800, 102, 0]])
    with_unseen, without = tower(ids)
    torch.testing.assert_close(with_unseen, without)
