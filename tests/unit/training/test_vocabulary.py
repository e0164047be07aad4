"""Which tokens and pairs get a row."""

import numpy as np
import pytest
import torch
from tihua_server.clip.tiny_network import FIRST_TOKEN, UNKNOWN, NetworkShape, TextTower
from tihua_server.clip.tokenizer import Tokenizer
from tihua_server.training.inheritance import hand_down
from tihua_server.training.vocabulary import Vocabulary
from tihua_server.types import TokenArray

TEXTS = [np.array([101, *inner, 102]) for inner in ([9, 5, 9, 5], [9, 5], [5, 7])]


def test_every_token_gets_a_row_but_the_marks() -> None:
    """[CLS] and [SEP] get none."""
    assert Vocabulary.of(TEXTS, max_pairs=10, min_pair_count=1).tokens == (5, 7, 9)


def test_a_rare_pair_gets_no_row() -> None:
    """Only 9-5 occurs three times; pairs are of rows, not of tokens."""
    five, nine = FIRST_TOKEN, FIRST_TOKEN + 2
    assert Vocabulary.of(TEXTS, max_pairs=10, min_pair_count=3).pairs == ((nine, five),)


def test_the_most_frequent_pairs_come_first() -> None:
    """With room for one, the most frequent gets it."""
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
    """Its row is never trained, so random values would distort the embedding."""
    vocabulary = Vocabulary(tokens=(700, 800), pairs=((2, 3),))
    tower = TextTower(vocabulary.shape(NetworkShape(dim=8, character_dim=8, text_hidden=8))).eval()
    vocabulary.fill(tower)
    ids = torch.tensor([[101, 700, 800, 5, 102], [101, 700, 800, 102, 0]])
    with_unseen, without = tower(ids)
    torch.testing.assert_close(with_unseen, without)


def _tokens(text: str) -> TokenArray:
    return Tokenizer().tokenize(text).ids


def _tower(vocabulary: Vocabulary) -> TextTower:
    tower = TextTower(vocabulary.shape(NetworkShape(character_dim=4, text_hidden=4, dim=4)))
    vocabulary.fill(tower)
    return tower.eval()


@pytest.mark.parametrize("learned", ["在树林里", "在樹林裏", "在樹林里"])
def test_a_character_has_one_row_however_it_is_written(learned: str) -> None:
    """A tower that learned 树林 knows 樹林, and vice versa; 裡 is 里, too."""
    vocabulary = Vocabulary.of([_tokens(learned)], max_pairs=10, min_pair_count=1)
    assert len(vocabulary.tokens) == 4
    assert len(vocabulary.pairs) == 3
    tower = _tower(vocabulary)
    rows = [
        tower.rows(torch.from_numpy(_tokens(text))) for text in ("在树林里", "在樹林裏", "在樹林裡")
    ]
    for row in rows[1:]:
        torch.testing.assert_close(row, rows[0])
    assert Vocabulary.of_tower(tower) == vocabulary


def test_of_two_rows_for_one_character_the_simplified_form_s_is_kept() -> None:
    """Older files gave 樹 its own row if a caption had it."""
    tree, in_full, grove = (int(_tokens(character)[1]) for character in "树樹林")
    tokens = tuple(sorted((tree, in_full, grove)))
    row = {token: index + FIRST_TOKEN for index, token in enumerate(tokens)}
    pairs = tuple(sorted([(row[tree], row[grove]), (row[in_full], row[grove])]))
    old = TextTower(Vocabulary(tokens, pairs).shape(NetworkShape(dim=4, text_hidden=4))).eval()
    old.character_row.fill_(UNKNOWN)
    for token, at in row.items():
        old.character_row[token] = at
    width = old.characters.num_embeddings
    old.bigram_key.copy_(torch.tensor([-1, *(left * width + right for left, right in pairs)]))

    vocabulary = Vocabulary.of_tower(old)
    assert vocabulary.tokens == tuple(sorted((tree, grove)))
    new = TextTower(vocabulary.shape(NetworkShape(dim=4, text_hidden=4))).eval()
    vocabulary.fill(new)
    hand_down(old, new)
    simplified, traditional = (torch.from_numpy(_tokens(text))[None] for text in ("树林", "樹林"))
    with torch.inference_mode():
        torch.testing.assert_close(new(simplified), old(simplified))
        torch.testing.assert_close(new(traditional), old(simplified))
