"""Recall@k by hand."""

import numpy as np
import pytest
from tihua_server.training.recall import Recall, recall


def test_ranks_are_counted_from_one() -> None:
    """The second query finds its picture behind one other."""
    queries = np.array([[1, 0], [0, 1]], np.float32)
    pictures = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    found = recall(queries, pictures, [0, 1])
    assert found == Recall({1: 50.0, 5: 100.0, 10: 100.0}, median_rank=1.5, queries=2)


def test_a_tie_counts_as_found_before() -> None:
    """A model that gives all pictures one embedding finds nothing."""
    same = np.tile(np.array([[1, 0]], np.float32), (20, 1))
    assert recall(same[:1], same, [0]).median_rank == 20


def test_what_is_no_number_finds_nothing() -> None:
    """As all embeddings are after a training that diverged."""
    pictures = np.full((20, 2), np.nan, np.float32)
    assert recall(pictures[:1], pictures, [0]).median_rank == 20


def test_the_best_of_several_that_fit_counts() -> None:
    """Other fitting pictures do not lower the rank."""
    queries = np.array([[1, 0]], np.float32)
    pictures = np.array([[0, 1], [0.8, 0.6], [0.8, 0.6], [1, 0]], np.float32)
    assert recall(queries, pictures, [{0, 1, 2}]).median_rank == 2


def test_no_query_has_no_recall() -> None:
    """The shares would be NaN."""
    with pytest.raises(ValueError, match="1 query or more"):
        Recall.of([])


def test_it_prints_on_one_line() -> None:
    """The median is not rounded."""
    assert str(Recall.of([1, 2, 7, 12])) == "R@1/5/10 25.0/50.0/75.0, median rank 4.5, 4 queries"
